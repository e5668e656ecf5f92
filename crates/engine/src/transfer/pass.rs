//! Joins reading, hashing and sending of one source.
//!
//! One thread a reading, outside the async runtime, owns the source. For each chunk it hands one
//! reference to the hasher and one to the queue of each *tap*, that is of whoever sends; the queues are
//! short and bounded, so the slowest of them all sets the pace. The thread keeps the last chunk back, the
//! *tail*, until the source has said that it is whole, all digests are in, and the bytes have proved to be
//! what the record of the tap says. So there is always an end still unsent while anything can turn out
//! wrong, and what is cut there never becomes an active image.
//!
//! Whoever loses interest drops the queue: the thread's next hand-over fails, and the others go on. When
//! the last one is gone, and nobody waits for the digests, the thread ends, and with it the hasher's
//! threads. A source that blocks in a read ends later, which harms nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imgpush_digest::{Algorithm, Busy, Digests};
use imgpush_formats::Detector;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::error::Failure;
use crate::progress::Progress;
use crate::push::format_check::{Claim, Examined};
use crate::resources::{Hasher, Hashing};
use crate::timing::{ReaderWatch, Stopwatch};
use imgpush_source::Provenance;
use imgpush_source::Source;
use imgpush_source::SourceError;
use imgpush_source::pool::Pool;

/// The most bytes in one frame of a body.
///
/// uWSGI refuses an HTTP chunk that with its framing reaches 1 MiB, its default limit.
pub const FRAME_BYTES: usize = 512 << 10;

/// Chunks that may wait for the network. Enough to cover a hiccup of the reader.
const QUEUE_CHUNKS: usize = 4;

/// Chunks of the pool that are in no queue: the tail, the one being filled, and the one being hashed.
const READING_CHUNKS: usize = 3;

/// What becomes of the target that the others wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slowest {
    /// All go at its pace. When it takes nothing at all for 20 s it is left behind as with
    /// [`Drop`](Slowest::Drop): the services of the others would give up on them.
    #[default]
    Wait,
    /// When the others have waited for it so long in sum, they go on without it. It gets the data from
    /// another reading, where the source can be read again, and fails otherwise.
    Drop {
        /// So long.
        after: Duration,
    },
}

/// What goes to whoever sends.
pub(crate) enum Item {
    /// The next bytes.
    Chunk(Bytes),
    /// That was all, and all is well.
    End,
    /// Do not end this well.
    Cut,
}

/// One way through a source.
pub(crate) struct Reading {
    pub(crate) source: Box<dyn Source>,
    /// The chunks that were read already.
    pub(crate) head: Vec<Bytes>,
    pub(crate) pool: Pool,
    pub(crate) hashing: Hashing,
    pub(crate) algorithms: Vec<Algorithm>,
    /// A tap for each, which gets the end only if the bytes are what it says.
    pub(crate) claims: Vec<Option<Claim>>,
    /// Whether the digests are wanted even when no tap is open any more.
    pub(crate) is_to_the_end: bool,
    pub(crate) slowest: Slowest,
    /// What the reader's times are written down with.
    pub(crate) watch: Arc<Stopwatch>,
    /// How long one that the others wait for may take nothing.
    pub(crate) longest_silence: Duration,
    /// Who hears how far it is, while nothing is sent to them.
    pub(crate) listeners: Vec<Arc<dyn Progress>>,
}

/// A source that is being read.
pub(crate) struct Flow {
    pub(crate) taps: Vec<Tap>,
    pub(crate) end: oneshot::Receiver<End>,
}

/// What one of those that send gets.
pub(crate) struct Tap {
    pub(crate) queue: mpsc::Receiver<Item>,
    pub(crate) outcome: oneshot::Receiver<Result<Read, Stop>>,
}

/// The source back, and what became of the reading.
pub(crate) struct End {
    pub(crate) source: Box<dyn Source>,
    pub(crate) result: Result<Produced, Stop>,
}

/// What was read, and what it is where that was claimed.
pub(crate) struct Read {
    pub(crate) produced: Produced,
    pub(crate) examined: Option<Examined>,
}

/// What was read to its end.
#[derive(Clone, Debug)]
pub struct Produced {
    /// Bytes read.
    pub bytes: u64,
    /// Their digests.
    pub digests: Digests,
    /// What has proved the source, where that was asked for.
    pub provenance: Provenance,
}

/// Why reading ended before the end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The source failed.
    Source(Arc<SourceError>),
    /// The data is not what was claimed.
    Claim(Failure),
    /// Nobody wanted the rest.
    Unwanted,
    /// The others did not wait.
    TooSlow,
}

impl Reading {
    /// Starts it.
    ///
    /// Must be called inside an async runtime.
    pub(crate) fn start(self) -> std::io::Result<Flow> {
        let length = queue_chunks(self.pool.chunks(), self.claims.len());
        let is_examined = self.claims.iter().any(Option::is_some);
        let mut taps = Vec::new();
        let mut outlets = Vec::new();
        for claim in self.claims {
            let (sender, queue) = mpsc::channel(length);
            let (done, outcome) = oneshot::channel();
            taps.push(Tap { queue, outcome });
            outlets.push(Outlet { sender, done, claim, held_up: Duration::ZERO });
        }
        let (ended, end) = oneshot::channel();
        let mut source = self.source;
        let algorithms = self.algorithms.iter().chain(source.wants()).copied();
        let mut hasher = self.hashing.hasher(algorithms);
        let watch = ReaderWatch::new(&self.watch, source.as_mut(), &self.pool);
        let mut work = Work {
            head: self.head.into_iter(),
            pool: self.pool,
            bytes: 0,
            detector: is_examined.then(Detector::new),
            outlets,
            is_to_the_end: self.is_to_the_end,
            slowest: self.slowest,
            longest_silence: self.longest_silence,
            listeners: self.listeners,
            runtime: Handle::current(),
            watch,
            busy: hasher.busy(),
        };
        std::thread::Builder::new().name("imgpush-read".into()).spawn(move || {
            let result = match work.run(source.as_mut(), &mut hasher) {
                Ok(tail) => work.release(source.as_mut(), hasher, tail.as_ref()),
                // A source that changed can be why nobody wants the rest: it broke the connection.
                Err(Stop::Unwanted) => source.check().map_err(Stop::from).and(Err(Stop::Unwanted)),
                Err(stop) => Err(stop),
            };
            work.watch.flush();
            if let Err(stop) = &result {
                work.cut(stop);
            }
            // The push may have been given up meanwhile.
            let _ = ended.send(End { source, result });
        })?;
        Ok(Flow { taps, end })
    }
}

/// So many that even with the slowest one lagging all chunks of the pool are not in queues.
fn queue_chunks(pool_chunks: usize, taps: usize) -> usize {
    let share = pool_chunks.saturating_sub(READING_CHUNKS) / taps.max(1);
    share.saturating_sub(1).clamp(1, QUEUE_CHUNKS)
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Stop::Source(Arc::new(error))
    }
}

/// The thread, seen from inside.
struct Work {
    head: std::vec::IntoIter<Bytes>,
    pool: Pool,
    bytes: u64,
    detector: Option<Detector>,
    /// Those that are still open.
    outlets: Vec<Outlet>,
    is_to_the_end: bool,
    slowest: Slowest,
    longest_silence: Duration,
    listeners: Vec<Arc<dyn Progress>>,
    runtime: Handle,
    watch: ReaderWatch,
    /// How long it was hashed.
    busy: Busy,
}

/// The other end of a tap.
struct Outlet {
    sender: mpsc::Sender<Item>,
    done: oneshot::Sender<Result<Read, Stop>>,
    claim: Option<Claim>,
    /// How long the others have waited for it, in sum or since the last chunk.
    held_up: Duration,
}

impl Work {
    /// Hands on all chunks but the last, which it returns.
    fn run(&mut self, source: &mut dyn Source, hasher: &mut Hasher) -> Result<Option<Bytes>, Stop> {
        let mut tail: Option<Bytes> = None;
        loop {
            let chunk = match self.head.next() {
                Some(chunk) => Some(chunk),
                None => source.next_chunk(&self.pool)?,
            };
            self.watch.source(source, &self.pool);
            let Some(chunk) = chunk else { break };
            self.bytes += chunk.len() as u64;
            self.listeners.iter().for_each(|listener| listener.sent(self.bytes));
            hasher.update(&chunk);
            self.watch.hasher(&self.busy);
            if let Some(detector) = &mut self.detector {
                detector.push(&chunk);
            }
            self.watch.nothing();
            if let Some(before) = tail.replace(chunk) {
                let passed = self.pass(&before);
                self.watch.targets();
                passed?;
            }
        }
        Ok(tail)
    }

    /// Hands a chunk to all that are open.
    fn pass(&mut self, chunk: &Bytes) -> Result<(), Stop> {
        let mut at = 0;
        while at < self.outlets.len() {
            let passed = match &self.outlets[..] {
                [alone] => alone.pass(chunk),
                _ => self.pass_in_time(at, chunk),
            };
            match passed {
                Ok(()) => at += 1,
                Err(stop) if self.outlets.len() > 1 || self.is_to_the_end => {
                    self.outlets.remove(at).end(stop, &self.runtime);
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Hands a chunk to one of them, and sees to it that the others do not wait for it too long.
    fn pass_in_time(&mut self, at: usize, chunk: &Bytes) -> Result<(), Stop> {
        let (longest, is_sum) = match self.slowest {
            Slowest::Wait => (self.longest_silence, false),
            Slowest::Drop { after } => (after, true),
        };
        loop {
            match self.outlets[at].sender.try_send(Item::Chunk(chunk.clone())) {
                Ok(()) => {
                    if !is_sum {
                        self.outlets[at].held_up = Duration::ZERO;
                    }
                    return Ok(());
                }
                Err(TrySendError::Closed(_)) => return Err(Stop::Unwanted),
                Err(TrySendError::Full(_)) => {}
            }
            let start = Instant::now();
            let outlet = &self.outlets[at];
            // Whether there is room now, or nobody, or neither, the next turn sees.
            let room = async { timeout(LOOK_INTERVAL, outlet.sender.reserve()).await.map(drop) };
            let _ = self.runtime.block_on(room);
            let is_hungry =
                |outlet: &Outlet| outlet.sender.capacity() == outlet.sender.max_capacity();
            let others = self.outlets.iter().enumerate().filter(|(other, _)| *other != at);
            if others.into_iter().any(|(_, outlet)| is_hungry(outlet)) {
                let outlet = &mut self.outlets[at];
                outlet.held_up += start.elapsed();
                if outlet.held_up > longest {
                    return Err(Stop::TooSlow);
                }
            }
        }
    }

    /// Waits for the digests, the word of the source and the verdicts, then lets the tail go.
    fn release(
        &mut self,
        source: &mut dyn Source,
        hasher: Hasher,
        tail: Option<&Bytes>,
    ) -> Result<Produced, Stop> {
        let digests = hasher.finish();
        self.watch.hasher(&self.busy);
        let finished = source.finish(&digests);
        self.watch.source(source, &self.pool);
        // Whoever is let go may report at once.
        self.watch.flush();
        finished?;
        let provenance = source.provenance().cloned().unwrap_or_default();
        let produced = Produced { bytes: self.bytes, digests, provenance };
        let inspection = self.detector.take().map(Detector::finish).map(Arc::new);
        for outlet in self.outlets.drain(..) {
            let examined = match (&outlet.claim, &inspection) {
                (Some(claim), Some(inspection)) => claim.confirm(inspection).map(Some),
                _ => Ok(None),
            };
            match examined {
                Ok(examined) => {
                    let read = Read { produced: produced.clone(), examined };
                    outlet.release(tail.cloned(), read, &self.runtime);
                }
                Err(failure) => outlet.end(Stop::Claim(failure), &self.runtime),
            }
        }
        Ok(produced)
    }

    /// Lets nobody have the end.
    fn cut(&mut self, stop: &Stop) {
        for outlet in self.outlets.drain(..) {
            let stop = match stop {
                Stop::Source(error) => Stop::Source(Arc::clone(error)),
                Stop::TooSlow => Stop::TooSlow,
                Stop::Unwanted | Stop::Claim(_) => Stop::Unwanted,
            };
            outlet.end(stop, &self.runtime);
        }
    }
}

/// The last words are said by tasks, so that nobody waits until another one has room for them. What
/// fails there has a push behind it that was given up.
impl Outlet {
    fn pass(&self, chunk: &Bytes) -> Result<(), Stop> {
        self.sender.blocking_send(Item::Chunk(chunk.clone())).map_err(|_| Stop::Unwanted)
    }

    fn release(self, tail: Option<Bytes>, read: Read, runtime: &Handle) {
        runtime.spawn(async move {
            for item in tail.map(Item::Chunk).into_iter().chain([Item::End]) {
                if self.sender.send(item).await.is_err() {
                    // Who knows the size stops asking behind the last byte.
                    break;
                }
            }
            let _ = self.done.send(Ok(read));
        });
    }

    fn end(self, stop: Stop, runtime: &Handle) {
        runtime.spawn(async move {
            let _ = self.done.send(Err(stop));
            let _ = self.sender.send(Item::Cut).await;
        });
    }
}

/// Services give up on a sender that is silent for longer: uWSGI behind 30 s where it is set so, most
/// others behind a minute.
pub(crate) const LONGEST_SILENCE: Duration = Duration::from_secs(20);

/// A reader that is not stuck in a read has ended a tap, or is back, within one chunk's hashing.
pub(crate) const READER_TIMEOUT: Duration = Duration::from_secs(2);

/// How often to look whether others wait.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    /// Without an end, and written to meanwhile.
    struct Changing;

    impl Source for Changing {
        fn name(&self) -> &str {
            "changing"
        }

        fn size(&self) -> Option<u64> {
            None
        }

        fn next_chunk(&mut self, _: &Pool) -> Result<Option<Bytes>, SourceError> {
            Ok(Some(Bytes::from_static(b"chunk")))
        }

        fn check(&mut self) -> Result<(), SourceError> {
            Err(SourceError::Changed { name: "changing".to_owned() })
        }
    }

    /// So many chunks, and nothing to say of them.
    struct Chunks(usize);

    impl Source for Chunks {
        fn name(&self) -> &str {
            "chunks"
        }

        fn size(&self) -> Option<u64> {
            None
        }

        fn next_chunk(&mut self, _: &Pool) -> Result<Option<Bytes>, SourceError> {
            let Some(left) = self.0.checked_sub(1) else { return Ok(None) };
            self.0 = left;
            Ok(Some(Bytes::from_static(b"chunk")))
        }
    }

    fn reading(source: impl Source + 'static, taps: usize) -> Reading {
        Reading {
            source: Box::new(source),
            head: Vec::new(),
            pool: Pool::new(4, 4096),
            hashing: Hashing::of(1),
            algorithms: vec![Algorithm::Md5],
            claims: (0..taps).map(|_| None).collect(),
            is_to_the_end: false,
            slowest: Slowest::Wait,
            watch: Stopwatch::start(),
            longest_silence: Duration::from_millis(200),
            listeners: Vec::new(),
        }
    }

    async fn read_all(tap: &mut Tap) -> usize {
        let mut chunks = 0;
        while let Some(item) = tap.queue.recv().await {
            match item {
                Item::Chunk(_) => chunks += 1,
                Item::End => return chunks,
                Item::Cut => panic!("cut behind {chunks} chunks"),
            }
        }
        panic!("no end behind {chunks} chunks");
    }

    /// A mapped file that shrinks breaks the connection, which would be taken for the reason.
    #[tokio::test]
    async fn a_source_that_changed_says_so_also_when_nobody_wants_the_rest() {
        let mut flow = reading(Changing, 1).start().unwrap();
        let Tap { queue, outcome } = flow.taps.remove(0);
        drop(queue);
        assert!(matches!(outcome.await.unwrap(), Err(Stop::Source(_))));
        assert!(matches!(flow.end.await.unwrap().result, Err(Stop::Source(_))));
    }

    #[tokio::test]
    async fn one_that_leaves_does_not_keep_the_others_from_all_of_it() {
        let mut flow = reading(Chunks(100), 3).start().unwrap();
        let [mut first, second, mut third] =
            flow.taps.drain(..).collect::<Vec<_>>().try_into().ok().unwrap();
        drop(second.queue);
        assert_eq!(tokio::join!(read_all(&mut first), read_all(&mut third)), (100, 100));
        assert!(matches!(second.outcome.await.unwrap(), Err(Stop::Unwanted)));
        let read = first.outcome.await.unwrap().unwrap();
        assert_eq!(read.produced.bytes, 500);
        assert!(third.outcome.await.unwrap().is_ok());
        assert_eq!(flow.end.await.unwrap().result.unwrap().bytes, 500);
    }

    #[tokio::test]
    async fn digests_are_had_without_anybody_to_send() {
        let mut reading = reading(Chunks(10), 1);
        reading.is_to_the_end = true;
        let flow = reading.start().unwrap();
        drop(flow.taps);
        let produced = flow.end.await.unwrap().result.unwrap();
        assert_eq!(
            *produced.digests.get(Algorithm::Md5).unwrap(),
            imgpush_digest::hash(Algorithm::Md5, &b"chunk".repeat(10))
        );
    }

    #[tokio::test]
    async fn who_holds_up_the_others_is_left_behind_where_that_is_wanted() {
        let mut reading = reading(Chunks(100), 2);
        reading.slowest = Slowest::Drop { after: Duration::from_millis(200) };
        let mut flow = reading.start().unwrap();
        let (stuck, mut quick) = (flow.taps.remove(0), flow.taps.remove(0));
        assert_eq!(read_all(&mut quick).await, 100);
        assert!(matches!(stuck.outcome.await.unwrap(), Err(Stop::TooSlow)));
        assert!(quick.outcome.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn who_takes_nothing_at_all_is_left_behind_in_any_case() {
        let mut flow = reading(Chunks(100), 2).start().unwrap();
        let (stuck, mut slow) = (flow.taps.remove(0), flow.taps.remove(0));
        let mut chunks = 0;
        while let Some(Item::Chunk(_)) = slow.queue.recv().await {
            chunks += 1;
            // Slower than any source, but never silent.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(chunks, 100);
        assert!(matches!(stuck.outcome.await.unwrap(), Err(Stop::TooSlow)));
        assert!(slow.outcome.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn who_is_alone_holds_up_nobody() {
        let mut reading = reading(Chunks(20), 1);
        reading.slowest = Slowest::Drop { after: Duration::from_millis(50) };
        let mut flow = reading.start().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(read_all(&mut flow.taps[0]).await, 20);
    }

    #[test]
    fn queues_leave_chunks_to_read_into() {
        for (chunks, taps, length) in
            [(4, 1, 1), (32, 1, 4), (12, 1, 4), (12, 2, 3), (32, 8, 2), (4, 8, 1)]
        {
            assert_eq!(queue_chunks(chunks, taps), length, "{chunks} chunks, {taps} taps");
        }
    }
}
