//! Concurrent hashing of streams from several threads.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use crate::busy::Busy;
use crate::stream::{Stream, update_many};
use crate::{Algorithm, Digests, Platform};

/// A service that hashes several streams concurrently.
///
/// Each stream is fed by a thread of the caller, at the speed of its source. A stream with queued bytes is
/// ready. The service takes a slice of each ready stream and assigns these streams to the lanes of the vector
/// registers. So no stream waits for the source of another: a stream without data occupies no lane, and joins
/// again with its next chunk. The service waits until the lanes can be filled or all streams are ready, or until
/// the queue of a stream is full: sources slower than the service then cost little more than fast ones.
///
/// ```
/// use std::num::NonZeroUsize;
/// use imgpush_digest::{Algorithm, Lanes};
///
/// let lanes = Lanes::new(NonZeroUsize::new(2).unwrap());
/// let digests = std::thread::scope(|scope| {
///     let threads = ["abc", "abc"].map(|text| {
///         let mut stream = lanes.stream([Algorithm::Md5]);
///         scope.spawn(move || {
///             stream.update(&text.into());
///             stream.finish()
///         })
///     });
///     threads.map(|thread| thread.join().unwrap())
/// });
/// assert_eq!(digests[0], digests[1]);
/// ```
///
/// Clones share the service. Its threads end with the last clone and stream.
#[derive(Clone)]
pub struct Lanes(Arc<Service>);

struct Service {
    platform: Platform,
    threads: usize,
    /// None if the system starts no threads: then the thread that feeds a stream hashes.
    pool: Option<rayon::ThreadPool>,
    state: Mutex<ServiceState>,
}

#[derive(Default)]
struct ServiceState {
    /// Streams with queued chunks, each once, the longest waiting first.
    ready: VecDeque<Ready>,
    /// Running jobs of the pool; at most one per thread.
    turns: usize,
    /// Streams that are not finished.
    streams: usize,
}

/// A stream with queued chunks.
struct Ready {
    slot: Arc<Slot>,
    /// Whether its feeding thread waits for it, or will with the next chunk.
    is_urgent: bool,
}

/// A stream, shared by its feeding thread and the service.
struct Slot {
    state: Mutex<SlotState>,
    /// Signals that a chunk was taken, or that the hasher was returned.
    changed: Condvar,
    /// The share of this stream in the time of the turns.
    busy: Busy,
}

struct SlotState {
    /// None while a turn uses it.
    hasher: Option<Stream>,
    queue: VecDeque<Bytes>,
    /// Whether it is in `ready`, or in a turn.
    scheduled: bool,
    /// Whether no chunk follows.
    is_complete: bool,
}

/// Chunks in the queue of a stream. While a third is produced and a fourth is hashed, a stream never waits
/// for the service unless the service is slower.
const QUEUE_CHUNKS: usize = 2;

/// Bytes of a stream that one turn processes. Other streams can join after it: a new chunk waits for 0.1 ms
/// with one stream, and for 0.5 ms with full lanes. A stream that ends within a turn leaves its lane idle for
/// the rest of it, so a turn is short.
const SLICE_BYTES: usize = 64 << 10;

/// With fewer streams per thread, lanes are no faster.
const FEW_STREAMS: usize = 3;

/// This number of streams takes a thread as long as half of them.
const LANE_STREAMS: usize = 8;

impl Lanes {
    /// A service with this number of threads, or as many as the system starts. If it starts none, the thread
    /// that feeds a stream hashes.
    #[must_use]
    pub fn new(threads: NonZeroUsize) -> Self {
        Lanes::on(Platform::detect(), threads)
    }

    /// The same with the kernels of this platform.
    #[must_use]
    pub fn on(platform: Platform, threads: NonZeroUsize) -> Self {
        let pool = pool(threads.get());
        let threads = pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads);
        let state = Mutex::default();
        Lanes(Arc::new(Service { platform, threads, pool, state }))
    }

    /// A new stream with these algorithms, each used once.
    #[must_use]
    pub fn stream(&self, algorithms: impl IntoIterator<Item = Algorithm>) -> LaneStream {
        let hasher = Some(Stream::on(self.0.platform, algorithms));
        let state =
            SlotState { hasher, queue: VecDeque::new(), scheduled: false, is_complete: false };
        let changed = Condvar::new();
        let slot = Slot { state: Mutex::new(state), changed, busy: Busy::default() };
        self.0.lock().streams += 1;
        LaneStream { service: Arc::clone(&self.0), slot: Arc::new(slot) }
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lanes({} threads, {})", self.0.threads, self.0.platform.name())
    }
}

/// One stream of a [`Lanes`] service. Dropping it discards its queued chunks.
pub struct LaneStream {
    service: Arc<Service>,
    slot: Arc<Slot>,
}

impl LaneStream {
    /// Adds the next bytes of the stream, in pieces of any size. It waits while two pieces are queued, so the
    /// caller proceeds at the speed of hashing. It blocks the thread, so do not call it in an async task.
    pub fn update(&mut self, chunk: &Bytes) {
        if chunk.is_empty() {
            return;
        }
        let mut state = self.slot.lock();
        while state.queue.len() >= QUEUE_CHUNKS {
            state = self.slot.wait(state);
        }
        state.queue.push_back(chunk.clone());
        let (is_new, is_urgent) = (!state.scheduled, state.is_urgent());
        state.scheduled = true;
        drop(state);
        if is_new || is_urgent {
            self.service.ready(&self.slot, is_new, is_urgent);
        }
    }

    /// The working time of the service on this stream.
    #[must_use]
    pub fn busy(&self) -> Busy {
        self.slot.busy.clone()
    }

    /// The digests of all bytes that were added, in the requested order. Waits for them.
    #[must_use]
    pub fn finish(self) -> Digests {
        let mut state = self.slot.lock();
        state.is_complete = true;
        if state.scheduled {
            drop(state);
            self.service.ready(&self.slot, false, true);
            state = self.slot.lock();
        }
        loop {
            if state.queue.is_empty()
                && let Some(hasher) = state.hasher.take()
            {
                return hasher.finish();
            }
            state = self.slot.wait(state);
        }
    }
}

impl Drop for LaneStream {
    fn drop(&mut self) {
        self.slot.lock().queue.clear();
        let mut state = self.service.lock();
        state.streams -= 1;
        // The streams that are left may be all that there are.
        self.service.start_if_due(state);
    }
}

impl fmt::Debug for LaneStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LaneStream")
    }
}

impl SlotState {
    fn is_urgent(&self) -> bool {
        self.is_complete || self.queue.len() >= QUEUE_CHUNKS
    }
}

impl Slot {
    /// Locks the state. It is consistent between any two statements, so a panic elsewhere leaves it usable.
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, SlotState>) -> MutexGuard<'a, SlotState> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    fn lock(&self) -> MutexGuard<'_, ServiceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a new stream, or marks a queued one as urgent, and starts a turn if needed. A stream that is in a
    /// turn is queued again after it.
    fn ready(self: &Arc<Self>, slot: &Arc<Slot>, is_new: bool, is_urgent: bool) {
        let mut state = self.lock();
        if is_new {
            state.ready.push_back(Ready { slot: Arc::clone(slot), is_urgent });
        } else if let Some(ready) =
            state.ready.iter_mut().find(|ready| Arc::ptr_eq(&ready.slot, slot))
        {
            ready.is_urgent |= is_urgent;
        }
        self.start_if_due(state);
    }

    /// Starts a turn if one is due.
    fn start_if_due(self: &Arc<Self>, mut state: MutexGuard<'_, ServiceState>) {
        if state.is_turn_due(self.threads) {
            state.turns += 1;
            drop(state);
            let service = Arc::clone(self);
            match &self.pool {
                Some(pool) => pool.spawn(move || service.work()),
                None => service.work(),
            }
        }
    }

    /// Runs turns until none is due.
    fn work(self: Arc<Self>) {
        loop {
            let slots: Vec<Arc<Slot>> = {
                let mut state = self.lock();
                let share = state.share(self.threads);
                if share == 0 {
                    state.turns -= 1;
                    return;
                }
                state.ready.drain(..share).map(|ready| ready.slot).collect()
            };
            turn(&slots);
            for slot in slots {
                let mut stream = slot.lock();
                stream.scheduled = !stream.queue.is_empty();
                if stream.scheduled {
                    let is_urgent = stream.is_urgent();
                    // With the stream locked, so that its next chunk finds it queued.
                    self.lock().ready.push_back(Ready { slot: Arc::clone(&slot), is_urgent });
                }
            }
        }
    }
}

/// A pool with this number of threads, or with half of them, and so on; none if the system starts none.
fn pool(threads: usize) -> Option<rayon::ThreadPool> {
    let halves = std::iter::successors(Some(threads), |threads| Some(threads / 2));
    halves.take_while(|threads| *threads > 0).find_map(|threads| {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        builder.thread_name(|number| format!("imgpush-lanes-{number}")).build().ok()
    })
}

impl ServiceState {
    /// Whether there are enough streams to fill the lanes, which is better than using another thread.
    fn is_crowded(&self, threads: usize) -> bool {
        self.streams > FEW_STREAMS * threads
    }

    /// Whether the ready streams should be hashed now: when they fill half of the lanes or are all that there
    /// are, or when one of them cannot wait.
    fn is_due(&self) -> bool {
        self.ready.len() >= LANE_STREAMS.min(self.streams)
            || self.ready.iter().any(|ready| ready.is_urgent)
    }

    /// Whether another thread should run a turn. With many streams, a thread that would fill less than half
    /// of its lanes leaves the streams to the running threads, since it would spend the time of a core on
    /// them.
    fn is_turn_due(&self, threads: usize) -> bool {
        let is_worth_it = !self.is_crowded(threads) || self.ready.len() >= LANE_STREAMS;
        !self.ready.is_empty()
            && self.is_due()
            && (self.turns == 0 || self.turns < threads && is_worth_it)
    }

    /// The number of ready streams that a thread takes. Many are combined to fill lanes, and so are few while
    /// one of them can wait, since then the service is not what limits them; other few are distributed over
    /// the threads.
    fn share(&self, threads: usize) -> usize {
        if !self.is_due() {
            return 0;
        }
        let ready = self.ready.len();
        let even = ready.div_ceil(threads);
        let is_limiting = self.ready.iter().all(|ready| ready.is_urgent);
        let is_spread = even <= FEW_STREAMS && !self.is_crowded(threads) && is_limiting;
        if is_spread { even } else { even.max(LANE_STREAMS).min(ready) }
    }
}

/// Hashes a slice of each stream.
fn turn(slots: &[Arc<Slot>]) {
    let mut work: Vec<(&Slot, Stream, Bytes)> = Vec::with_capacity(slots.len());
    for slot in slots {
        let mut state = slot.lock();
        let Some(mut chunk) = state.queue.pop_front() else { continue };
        if chunk.len() > SLICE_BYTES {
            state.queue.push_front(chunk.split_off(SLICE_BYTES));
        } else {
            slot.changed.notify_one();
        }
        if let Some(hasher) = state.hasher.take() {
            work.push((slot, hasher, chunk));
        }
    }
    let mut streams: Vec<(&mut Stream, &[u8])> =
        work.iter_mut().map(|(_, hasher, chunk)| (hasher, &chunk[..])).collect();
    let start = Instant::now();
    update_many(&mut streams);
    let share = start.elapsed() / u32::try_from(work.len().max(1)).unwrap_or(u32::MAX);
    for (slot, hasher, chunk) in work {
        slot.busy.add(share);
        // Returned before the stream is: a thread that waits for the end then has the buffer.
        drop(chunk);
        let mut state = slot.lock();
        state.hasher = Some(hasher);
        if state.is_complete {
            slot.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ready streams, the first of them urgent, while one thread runs a turn.
    fn state(streams: usize, ready: usize, urgent: usize) -> ServiceState {
        let slot = || Slot {
            state: Mutex::new(SlotState {
                hasher: None,
                queue: VecDeque::new(),
                scheduled: false,
                is_complete: false,
            }),
            changed: Condvar::new(),
            busy: Busy::default(),
        };
        let ready = (0..ready)
            .map(|number| Ready { slot: Arc::new(slot()), is_urgent: number < urgent })
            .collect();
        ServiceState { ready, turns: 1, streams }
    }

    #[test]
    fn few_streams_are_distributed_only_if_hashing_limits_them() {
        let shares =
            |urgent: [usize; 4]| [0, 1, 2, 3].map(|ready| state(3, ready, urgent[ready]).share(2));
        assert_eq!(shares([0, 1, 2, 3]), [0, 1, 1, 2]);
        assert_eq!(shares([0, 1, 1, 2]), [0, 1, 2, 3]);
        assert_eq!([1, 3].map(|ready| state(3, ready, ready).share(1)), [1, 3]);
    }

    #[test]
    fn many_streams_fill_lanes() {
        let many = |ready: usize, threads| state(40, ready, 1).share(threads);
        assert_eq!([1, 4, 8, 9, 16, 17, 40].map(|ready| many(ready, 2)), [1, 4, 8, 8, 8, 9, 20]);
        assert_eq!([1, 16].map(|ready| many(ready, 1)), [1, 16]);
    }

    #[test]
    fn streams_wait_until_the_lanes_can_be_filled_or_one_cannot_wait() {
        let shares = |streams, ready: [usize; 3]| ready.map(|n| state(streams, n, 0).share(2));
        assert_eq!(shares(40, [0, 7, 8]), [0, 0, 8]);
        // All that there are.
        assert_eq!(shares(7, [0, 6, 7]), [0, 0, 7]);
        assert_eq!(shares(3, [1, 2, 3]), [0, 0, 3]);
        assert_eq!(shares(1, [0, 1, 1]), [0, 1, 1]);
    }

    #[test]
    fn with_many_streams_another_thread_starts_only_with_full_lanes() {
        let is_due = |streams, ready| state(streams, ready, 1).is_turn_due(2);
        assert!(is_due(6, 1));
        assert!(!is_due(7, 7));
        assert!(is_due(7, 8));
        let idle = |streams, ready, urgent| {
            let mut state = state(streams, ready, urgent);
            state.turns = 0;
            state.is_turn_due(2)
        };
        assert!(!idle(40, 7, 0));
        assert!(idle(40, 8, 0));
        assert!(idle(40, 1, 1));
        let mut busy = state(40, 40, 0);
        busy.turns = 2;
        assert!(!busy.is_turn_due(2));
    }
}
