//! A fixed number of buffers, which bounds the memory of an upload.
//!
//! A chunk is a buffer of the pool inside a [`Bytes`]. Hashing and sending hold clones of it; when the last
//! one is dropped, the buffer returns to the pool. While all are in use, [`Pool::take`] waits, so reading is
//! never faster than the slowest consumer.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use memmap2::MmapMut;
use tokio::sync::Notify;

/// Bytes of one buffer.
///
/// Large enough to make queue wake-ups and `read` calls cheap, small enough for a dozen in the default
/// budget. Rates with 1 to 4 MiB differ by less than the noise.
pub const CHUNK_BYTES: usize = 1 << 20;

/// Memory of the process in addition to the buffers: code, TLS, stacks, the allocator.
pub const OVERHEAD_BYTES: u64 = 28 << 20;

/// One is withheld at the end, the reader fills one, hashing and sending use one each.
const MIN_CHUNKS: usize = 4;

/// More buffers would only wait in queues.
const MAX_CHUNKS: usize = 32;

/// The maximum for pools that several uploads use at the same time.
const MAX_SMALL_CHUNKS: usize = 8;

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
    /// Nanoseconds that threads waited in [`Pool::take`].
    waits: AtomicU64,
}

#[derive(Debug)]
struct State {
    idle: Vec<MmapMut>,
    /// Buffers allocated so far; each is allocated when first needed.
    made: usize,
}

impl Pool {
    /// A pool that keeps the process within `memory_bytes`; it has at least four buffers.
    #[must_use]
    pub fn within(memory_bytes: u64) -> Self {
        Pool::dealt(memory_bytes.saturating_sub(OVERHEAD_BYTES), CHUNK_BYTES)
    }

    /// The minimum memory that [`Pool::within`] can keep to.
    #[must_use]
    pub fn least_memory_bytes() -> u64 {
        OVERHEAD_BYTES + (MIN_CHUNKS * CHUNK_BYTES) as u64
    }

    /// The number of pools of [`CHUNK_BYTES`] that can share this memory; at least one.
    #[must_use]
    pub fn most_shares(memory_bytes: u64) -> usize {
        let bytes = memory_bytes.saturating_sub(OVERHEAD_BYTES);
        usize::try_from(bytes / (MIN_CHUNKS * CHUNK_BYTES) as u64).unwrap_or(usize::MAX).max(1)
    }

    /// A pool with the number of buffers of `chunk_bytes` that fit into `room` bytes, and at least four: one of
    /// several pools that share the memory of a process.
    #[must_use]
    pub fn dealt(room: u64, chunk_bytes: usize) -> Self {
        let chunks = usize::try_from(room / chunk_bytes as u64).unwrap_or(MAX_CHUNKS);
        let most = if chunk_bytes < CHUNK_BYTES { MAX_SMALL_CHUNKS } else { MAX_CHUNKS };
        Pool::new(chunks.clamp(MIN_CHUNKS, most), chunk_bytes)
    }

    /// A pool of `chunks` buffers of `chunk_bytes` each.
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

    /// Takes a buffer, and waits until one is free. It blocks the thread, so do not call it in an async task.
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

    /// Takes a buffer like [`Pool::take`], in an async task.
    ///
    /// # Errors
    ///
    /// As [`Pool::take`].
    ///
    /// # Cancel safety
    ///
    /// No buffer is lost.
    pub async fn taken(&self) -> std::io::Result<Buffer> {
        loop {
            // Registered before the check, so that no buffer returned in between is missed.
            let mut returned = pin!(self.0.returned_async.notified());
            returned.as_mut().enable();
            if let Some(bytes) = self.0.free(&mut self.0.lock())? {
                return Ok(self.buffer(bytes));
            }
            returned.await;
        }
    }

    /// The total time that threads waited in [`Pool::take`].
    #[must_use]
    pub fn waits(&self) -> Duration {
        Duration::from_nanos(self.0.waits.load(Ordering::Relaxed))
    }

    /// Buffers allocated so far; never more than [`chunks`](Pool::chunks).
    #[cfg(test)]
    pub(crate) fn made(&self) -> usize {
        self.0.lock().made
    }

    fn buffer(&self, bytes: MmapMut) -> Buffer {
        Buffer { bytes: Some(bytes), filled: 0, pool: self.clone() }
    }
}

impl Shared {
    /// Locks the state. It is consistent between any two statements that hold the lock, so it is usable after
    /// a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A free buffer, or a new one while the limit is not reached.
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

/// One buffer of a pool; dropping it returns it.
#[derive(Debug)]
pub struct Buffer {
    /// None only while being dropped.
    bytes: Option<MmapMut>,
    filled: usize,
    pool: Pool,
}

impl Buffer {
    /// The complete buffer, for filling.
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
        self.bytes.as_deref().and_then(|bytes| bytes.get(..self.filled)).unwrap_or_default()
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
    fn a_buffer_returns_with_the_last_clone_of_its_chunk() {
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
        assert_eq!(Pool::within(0).chunks(), MIN_CHUNKS);
        assert_eq!(Pool::within(u64::MAX).chunks(), MAX_CHUNKS);
        assert_eq!(Pool::within(Pool::least_memory_bytes() + (5 << 20)).chunks(), MIN_CHUNKS + 5);
    }
}
