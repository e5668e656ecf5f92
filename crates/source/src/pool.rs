//! The buffers of a push, and by their number its memory budget.
//!
//! A chunk is a buffer of the pool inside a [`Bytes`]: hashing and sending hold clones of it, and
//! when the last one is dropped the buffer is back here. When all are out, [`Pool::take`] waits:
//! nobody reads faster than the slowest of them works.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use memmap2::MmapMut;
use tokio::sync::Notify;

/// Bytes of one buffer.
///
/// Large enough that a chunk hides a round of queue wake-ups and a `read` is efficient, small enough
/// that a dozen fit the default budget; 1 to 4 MiB differ by less than the noise.
pub const CHUNK_BYTES: usize = 1 << 20;

/// What the process needs beside the buffers: code, TLS, stacks, the allocator.
pub const OVERHEAD_BYTES: u64 = 28 << 20;

/// The tail holds one, the reader fills one, hashing and sending work on one each.
const LEAST_CHUNKS: usize = 4;

/// More would only wait in queues.
const MOST_CHUNKS: usize = 32;

/// Of those that several pushes have at once.
const MOST_SMALL_CHUNKS: usize = 8;

/// A fixed number of page-aligned buffers. Clones share them.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    chunk_bytes: usize,
    chunks: usize,
    state: Mutex<State>,
    /// Wakes a thread in [`Pool::take`].
    returned: Condvar,
    /// Wakes a task in [`Pool::taken`].
    returned_async: Notify,
    /// Nanoseconds that threads have waited in [`Pool::take`].
    waits: AtomicU64,
}

#[derive(Debug)]
struct State {
    idle: Vec<MmapMut>,
    /// Buffers made so far; they are made when first needed.
    made: usize,
}

impl Pool {
    /// As many buffers as keep the whole process within `memory_bytes`, and at least four.
    #[must_use]
    pub fn within(memory_bytes: u64) -> Self {
        Pool::dealt(memory_bytes.saturating_sub(OVERHEAD_BYTES), CHUNK_BYTES)
    }

    /// The least memory that [`Pool::within`] can keep to.
    #[must_use]
    pub fn least_memory_bytes() -> u64 {
        OVERHEAD_BYTES + (LEAST_CHUNKS * CHUNK_BYTES) as u64
    }

    /// How many pools of [`CHUNK_BYTES`] can share that much memory; at least one.
    #[must_use]
    pub fn most_shares(memory_bytes: u64) -> usize {
        let room = memory_bytes.saturating_sub(OVERHEAD_BYTES);
        usize::try_from(room / (LEAST_CHUNKS * CHUNK_BYTES) as u64).unwrap_or(usize::MAX).max(1)
    }

    /// As many buffers of `chunk_bytes` as there is room for, and at least four: one of several pools
    /// that share the memory of a process.
    #[must_use]
    pub fn dealt(room: u64, chunk_bytes: usize) -> Self {
        let chunks = usize::try_from(room / chunk_bytes as u64).unwrap_or(MOST_CHUNKS);
        let most = if chunk_bytes < CHUNK_BYTES { MOST_SMALL_CHUNKS } else { MOST_CHUNKS };
        Pool::new(chunks.clamp(LEAST_CHUNKS, most), chunk_bytes)
    }

    /// `chunks` buffers of `chunk_bytes` each.
    #[must_use]
    pub fn new(chunks: usize, chunk_bytes: usize) -> Self {
        Pool(Arc::new(Shared {
            chunk_bytes,
            chunks,
            state: Mutex::new(State { idle: Vec::with_capacity(chunks), made: 0 }),
            returned: Condvar::new(),
            returned_async: Notify::new(),
            waits: AtomicU64::new(0),
        }))
    }

    /// The number of buffers.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.0.chunks
    }

    /// Bytes of each buffer.
    #[must_use]
    pub fn chunk_bytes(&self) -> usize {
        self.0.chunk_bytes
    }

    /// A buffer; waits until one is back. Blocks the thread: not for async tasks.
    ///
    /// # Errors
    ///
    /// When the system has no memory for a new buffer.
    pub fn take(&self) -> std::io::Result<Buffer> {
        let mut state = self.0.lock();
        loop {
            if let Some(bytes) = self.0.free(&mut state)? {
                return Ok(self.buffer(bytes));
            }
            let start = Instant::now();
            state = self.0.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.0.waits.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// The same for async tasks.
    ///
    /// # Errors
    ///
    /// As [`Pool::take`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn taken(&self) -> std::io::Result<Buffer> {
        loop {
            // In the queue before the look, so that no buffer comes back unnoticed in between.
            let mut returned = pin!(self.0.returned_async.notified());
            returned.as_mut().enable();
            if let Some(bytes) = self.0.free(&mut self.0.lock())? {
                return Ok(self.buffer(bytes));
            }
            returned.await;
        }
    }

    /// How long threads have waited in [`Pool::take`], in sum.
    #[must_use]
    pub fn waits(&self) -> Duration {
        Duration::from_nanos(self.0.waits.load(Ordering::Relaxed))
    }

    /// Buffers made so far; never more than [`chunks`](Pool::chunks).
    #[cfg(test)]
    pub(crate) fn made(&self) -> usize {
        self.0.lock().made
    }

    fn buffer(&self, bytes: MmapMut) -> Buffer {
        Buffer { bytes: Some(bytes), filled: 0, pool: self.clone() }
    }
}

impl Shared {
    /// The state is whole between any two statements that hold the lock, so a panic elsewhere leaves
    /// it usable.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer that nobody has, or a new one while there are fewer than there may be.
    fn free(&self, state: &mut State) -> std::io::Result<Option<MmapMut>> {
        if let Some(bytes) = state.idle.pop() {
            return Ok(Some(bytes));
        }
        if state.made == self.chunks {
            return Ok(None);
        }
        let bytes = MmapMut::map_anon(self.chunk_bytes)?;
        state.made += 1;
        Ok(Some(bytes))
    }
}

/// One buffer of a pool; dropping it gives it back.
#[derive(Debug)]
pub struct Buffer {
    /// None only while being dropped.
    bytes: Option<MmapMut>,
    filled: usize,
    pool: Pool,
}

impl Buffer {
    /// All of the buffer, to be filled.
    pub fn space(&mut self) -> &mut [u8] {
        self.bytes.as_deref_mut().unwrap_or_default()
    }

    /// The first `filled` bytes as a chunk that owns the buffer.
    ///
    /// # Panics
    ///
    /// When the buffer is smaller.
    #[must_use]
    pub fn into_chunk(mut self, filled: usize) -> Bytes {
        assert!(filled <= self.space().len(), "a reader filled more than the buffer holds");
        self.filled = filled;
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_deref().map_or(&[], |bytes| &bytes[..self.filled])
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.pool.0.lock().idle.push(bytes);
            self.pool.0.returned.notify_one();
            self.pool.0.returned_async.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_buffer_comes_back_with_the_last_clone_of_its_chunk() {
        let pool = Pool::new(1, 4096);
        let mut buffer = pool.take().unwrap();
        buffer.space()[..3].copy_from_slice(b"abc");
        let chunk = buffer.into_chunk(3);
        let slice = chunk.slice(1..);
        drop(chunk);

        let (taken, waiting) = mpsc::channel();
        let thread = std::thread::spawn({
            let pool = pool.clone();
            move || {
                drop(pool.take().unwrap());
                taken.send(()).unwrap();
            }
        });
        assert!(waiting.recv_timeout(Duration::from_millis(50)).is_err(), "taken while in use");
        assert_eq!(&slice[..], b"bc");
        drop(slice);
        waiting.recv_timeout(Duration::from_secs(5)).expect("the buffer came back");
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_task_waits_for_a_buffer_as_a_thread_does() {
        let pool = Pool::new(1, 4096);
        let buffer = pool.take().unwrap();
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { drop(pool.taken().await.unwrap()) }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished(), "taken while in use");
        drop(buffer.into_chunk(3));
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
        assert_eq!(pool.made(), 1);
    }

    #[test]
    fn the_budget_covers_the_process_and_has_bounds() {
        assert_eq!(Pool::within(0).chunks(), LEAST_CHUNKS);
        assert_eq!(Pool::within(u64::MAX).chunks(), MOST_CHUNKS);
        assert_eq!(Pool::within(Pool::least_memory_bytes() + (5 << 20)).chunks(), LEAST_CHUNKS + 5);
    }
}
