//! One pass over a source: its chunks are hashed and sent to any number of branches.
//!
//! Called by [`passes`](super::passes) for uploads, and by [`pour`](super::sink::pour) for sinks of the
//! caller. A thread outside the async runtime owns the source. It gives one reference to each chunk to the
//! hasher and one to the queue of each [`Branch`]. The queues are short and bounded, so the slowest of all
//! limits the rate. A pass promises:
//!
//! - A branch gets the last chunk, the *tail*, only after the source has finished, all digests are computed,
//!   and the [`TailGate`] of the branch is open. So the end of the data is unsent while anything can fail,
//!   and an aborted transfer never becomes an active image.
//! - No byte after the declared size of the source is sent, and no tail of a source that ended before it.
//! - If a receiver closes its branch, only that branch ends. After the last branch has ended, and if no
//!   digests are needed, the thread ends and with it those of the hasher.
//! - A panic in the source becomes an error of the source.
//!
//! It has no knowledge of formats or of Glance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imgpush_digest::{Algorithm, Busy};
use imgpush_source::{Chunk, Pool, Source, SourceError, catch_panic};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::branch::{Branch, Feed, branch};
use super::error::TransferError;
use super::gate::TailGate;
use crate::integrity::Produced;
use crate::progress::Progress;
use crate::resources::{Hasher, Hashing};
use crate::timing::{ReaderWatch, Stopwatch};

/// Chunks that may wait for the network: enough to bridge short delays of the reader.
const QUEUE_CHUNKS: usize = 4;

/// Chunks of the pool that are in no queue: the tail, the one being filled, and the one being hashed.
const READER_CHUNKS: usize = 3;

/// The policy for a target that slows down the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slowest {
    /// All targets proceed at its rate. If it accepts no data for 20 s it is dropped as with
    /// [`Drop`](Slowest::Drop), because the services of the other targets would time out.
    #[default]
    Wait,
    /// After the other targets have waited for it this long in total, they continue without it. It gets the
    /// data in another pass if the source can be read again, and fails otherwise.
    Drop {
        /// The total waiting time.
        after: Duration,
    },
}

/// One pass over a source.
pub(crate) struct Pass {
    pub(crate) source: Box<dyn Source>,
    /// The chunks that are read already.
    pub(crate) head: Vec<Chunk>,
    pub(crate) pool: Pool,
    pub(crate) hashing: Hashing,
    pub(crate) algorithms: Vec<Algorithm>,
    /// One gate for each branch.
    pub(crate) gates: Vec<Option<Box<dyn TailGate>>>,
    /// Whether to compute the digests even if all branches are closed.
    pub(crate) needs_digests: bool,
    pub(crate) slowest: Slowest,
    /// Records the times of the reader.
    pub(crate) watch: Arc<Stopwatch>,
    /// How long a branch may accept no data while others wait for it.
    pub(crate) silence_timeout: Duration,
    /// Receivers of progress events for targets without an upload.
    pub(crate) listeners: Vec<Arc<dyn Progress>>,
}

/// A pass that has started.
pub(crate) struct RunningPass {
    pub(crate) branches: Vec<Branch>,
    pub(crate) end: oneshot::Receiver<PassEnd>,
}

/// The source and the result of a pass that has ended.
pub(crate) struct PassEnd {
    pub(crate) source: Box<dyn Source>,
    pub(crate) result: Result<Produced, TransferError>,
}

impl Pass {
    /// Starts the pass. Must be called inside an async runtime.
    pub(crate) fn start(self) -> std::io::Result<RunningPass> {
        let capacity = queue_chunks(self.pool.chunks(), self.gates.len());
        let (feeds, branches) = self
            .gates
            .into_iter()
            .map(|gate| branch(capacity, gate))
            .unzip::<_, _, Vec<_>, Vec<_>>();
        let (ended, end) = oneshot::channel();
        let mut source = self.source;
        let algorithms = self.algorithms.iter().chain(source.wants()).copied();
        let hasher = self.hashing.hasher(algorithms);
        let watch = ReaderWatch::new(&self.watch, source.as_mut(), &self.pool);
        let mut reader = PassReader {
            head: self.head.into_iter(),
            pool: self.pool,
            size: source.size(),
            bytes: 0,
            feeds,
            needs_digests: self.needs_digests,
            slowest: self.slowest,
            silence_timeout: self.silence_timeout,
            listeners: self.listeners,
            runtime: Handle::current(),
            watch,
            busy: hasher.busy(),
        };
        std::thread::Builder::new().name("imgpush-read".into()).spawn(move || {
            let name = source.name().to_owned();
            let result = catch_panic(&name, || reader.read_all(source.as_mut(), hasher));
            reader.watch.flush();
            if let Err(error) = &result {
                reader.feeds.drain(..).for_each(|feed| feed.fail(error.clone()));
            }
            // The push may have been cancelled in the meantime.
            let _ = ended.send(PassEnd { source, result });
        })?;
        Ok(RunningPass { branches, end })
    }
}

/// The capacity of a queue. Even if the slowest branch lags, some chunks of the pool are in no queue.
fn queue_chunks(pool_chunks: usize, branches: usize) -> usize {
    let share = pool_chunks.saturating_sub(READER_CHUNKS) / branches.max(1);
    share.saturating_sub(1).clamp(1, QUEUE_CHUNKS)
}

/// The state of the reader thread.
struct PassReader {
    head: std::vec::IntoIter<Chunk>,
    pool: Pool,
    /// The declared size of the source.
    size: Option<u64>,
    bytes: u64,
    /// The branches that are still open.
    feeds: Vec<Feed>,
    needs_digests: bool,
    slowest: Slowest,
    silence_timeout: Duration,
    listeners: Vec<Arc<dyn Progress>>,
    runtime: Handle,
    watch: ReaderWatch,
    /// The time spent hashing.
    busy: Busy,
}

impl PassReader {
    fn read_all(
        &mut self,
        source: &mut dyn Source,
        mut hasher: Hasher,
    ) -> Result<Produced, TransferError> {
        match self.send_all_but_tail(source, &mut hasher) {
            Ok(tail) => self.release(source, hasher, tail.as_ref()),
            // If the source has changed, that may be why the receiver closed its branch.
            Err(TransferError::Unwanted) => {
                source.check()?;
                Err(TransferError::Unwanted)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends all chunks but the last one, and returns that.
    fn send_all_but_tail(
        &mut self,
        source: &mut dyn Source,
        hasher: &mut Hasher,
    ) -> Result<Option<Chunk>, TransferError> {
        let mut tail: Option<Chunk> = None;
        while let Some(mut rest) = self.next(source)? {
            // A custom source may have larger chunks than the pool.
            while !rest.is_empty() {
                let chunk = rest.split_to(rest.len().min(self.pool.chunk_bytes() as u64));
                self.see(source, hasher, &chunk)?;
                if let Some(before) = tail.replace(chunk) {
                    let sent = self.send(&before);
                    self.watch.targets();
                    sent?;
                }
            }
        }
        match self.size {
            Some(expected) if self.bytes < expected => {
                let name = source.name().to_owned();
                Err(SourceError::Shrank { name, expected, found: self.bytes }.into())
            }
            _ => Ok(tail),
        }
    }

    fn next(&mut self, source: &mut dyn Source) -> Result<Option<Chunk>, TransferError> {
        let chunk = match self.head.next() {
            Some(chunk) => Some(chunk),
            None => source.next_chunk(&self.pool)?,
        };
        self.watch.source(source, &self.pool);
        Ok(chunk)
    }

    /// Counts and hashes a chunk, and passes it to the gates.
    fn see(
        &mut self,
        source: &dyn Source,
        hasher: &mut Hasher,
        chunk: &Chunk,
    ) -> Result<(), TransferError> {
        self.bytes += chunk.len();
        if let Some(expected) = self.size.filter(|size| self.bytes > *size) {
            let name = source.name().to_owned();
            return Err(SourceError::Grew { name, expected, found: self.bytes }.into());
        }
        self.listeners.iter().for_each(|listener| listener.sent(self.bytes));
        hasher.update(chunk);
        self.watch.hasher(&self.busy);
        self.feeds
            .iter_mut()
            .filter_map(|feed| feed.gate.as_mut())
            .for_each(|gate| gate.see(chunk));
        self.watch.skip();
        Ok(())
    }

    /// Sends a chunk to all open branches.
    fn send(&mut self, chunk: &Chunk) -> Result<(), TransferError> {
        let mut at = 0;
        while at < self.feeds.len() {
            let sent = match &self.feeds[..] {
                [alone] => alone.send(chunk),
                _ => self.send_with_deadline(at, chunk),
            };
            match sent {
                Ok(()) => at += 1,
                Err(error) if self.feeds.len() > 1 || self.needs_digests => {
                    self.feeds.remove(at).fail(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends a chunk to one of several branches. Fails if the other branches wait for it too long.
    fn send_with_deadline(&mut self, at: usize, chunk: &Chunk) -> Result<(), TransferError> {
        let (longest, is_total) = match self.slowest {
            Slowest::Wait => (self.silence_timeout, false),
            Slowest::Drop { after } => (after, true),
        };
        while !self.feeds[at].try_send(chunk)? {
            let start = Instant::now();
            self.feeds[at].wait(CHECK_INTERVAL, &self.runtime);
            let mut others = self.feeds.iter().enumerate().filter(|(other, _)| *other != at);
            if others.any(|(_, feed)| feed.is_drained()) {
                let feed = &mut self.feeds[at];
                feed.delay += start.elapsed();
                if feed.delay > longest {
                    return Err(TransferError::TooSlow);
                }
            }
        }
        if !is_total {
            self.feeds[at].delay = Duration::ZERO;
        }
        Ok(())
    }

    /// Waits for the digests and the final checks of the source, asks the gates, and sends the tail.
    fn release(
        &mut self,
        source: &mut dyn Source,
        hasher: Hasher,
        tail: Option<&Chunk>,
    ) -> Result<Produced, TransferError> {
        let digests = hasher.finish();
        self.watch.hasher(&self.busy);
        let finished = source.finish(&digests);
        self.watch.source(source, &self.pool);
        // A receiver may create its report as soon as it gets the tail.
        self.watch.flush();
        finished?;
        let provenance = source.provenance().cloned().unwrap_or_default();
        let ignored_bytes = source.compressed().map_or(0, |bytes| bytes.ignored_bytes());
        let produced = Produced { bytes: self.bytes, digests, provenance, ignored_bytes };
        for mut feed in self.feeds.drain(..) {
            if feed.gate.as_mut().is_none_or(|gate| gate.opens()) {
                feed.finish(tail.cloned(), produced.clone(), &self.runtime);
            } else {
                feed.fail(TransferError::Withheld);
            }
        }
        Ok(produced)
    }
}

/// Services time out on a connection that is silent for longer: uWSGI after 30 s in some configurations, most
/// others after 60 s.
pub(crate) const SILENCE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the reader may take to end a branch, or to return the source. It needs at most the time to hash
/// one chunk, unless a read hangs.
pub(crate) const READER_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval of the checks whether other branches wait.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::transfer::branch::BranchEnd;

    /// An endless source that changes while it is read.
    struct Changing;

    impl Source for Changing {
        fn name(&self) -> &str {
            "changing"
        }

        fn size(&self) -> Option<u64> {
            None
        }

        fn next_chunk(&mut self, _: &Pool) -> Result<Option<Chunk>, SourceError> {
            Ok(Some(Bytes::from_static(b"chunk").into()))
        }

        fn check(&mut self) -> Result<(), SourceError> {
            Err(SourceError::Changed { name: "changing".to_owned() })
        }
    }

    /// A source of this number of chunks.
    struct Chunks(usize);

    impl Source for Chunks {
        fn name(&self) -> &str {
            "chunks"
        }

        fn size(&self) -> Option<u64> {
            None
        }

        fn next_chunk(&mut self, _: &Pool) -> Result<Option<Chunk>, SourceError> {
            let Some(left) = self.0.checked_sub(1) else { return Ok(None) };
            self.0 = left;
            Ok(Some(Bytes::from_static(b"chunk").into()))
        }
    }

    fn pass_over(source: impl Source + 'static, branches: usize) -> Pass {
        Pass {
            source: Box::new(source),
            head: Vec::new(),
            pool: Pool::new(4, 4096),
            hashing: Hashing::of(1),
            algorithms: vec![Algorithm::Md5],
            gates: (0..branches).map(|_| None).collect(),
            needs_digests: false,
            slowest: Slowest::Wait,
            watch: Stopwatch::start(),
            silence_timeout: Duration::from_millis(200),
            listeners: Vec::new(),
        }
    }

    async fn read_all(branch: &mut Branch) -> usize {
        let mut chunks = 0;
        while branch.queue.recv().await.is_some() {
            chunks += 1;
        }
        assert!(matches!(&*branch.end.borrow(), Some(Ok(_))), "no end after {chunks} chunks");
        chunks
    }

    async fn end_of(end: &mut BranchEnd) -> Result<Produced, TransferError> {
        end.wait_for(Option::is_some).await.unwrap().clone().unwrap()
    }

    /// A mapped file that shrinks breaks the connection; the change of the file must be reported, not the
    /// connection.
    #[tokio::test]
    async fn a_changed_source_is_reported_after_its_receiver_has_closed() {
        let mut pass = pass_over(Changing, 1).start().unwrap();
        let Branch { queue, mut end } = pass.branches.remove(0);
        drop(queue);
        assert!(matches!(end_of(&mut end).await, Err(TransferError::Source(_))));
        assert!(matches!(pass.end.await.unwrap().result, Err(TransferError::Source(_))));
    }

    #[tokio::test]
    async fn a_closed_branch_does_not_affect_the_others() {
        let mut pass = pass_over(Chunks(100), 3).start().unwrap();
        let [mut first, mut second, mut third] =
            pass.branches.drain(..).collect::<Vec<_>>().try_into().ok().unwrap();
        drop(second.queue);
        assert_eq!(tokio::join!(read_all(&mut first), read_all(&mut third)), (100, 100));
        assert!(matches!(end_of(&mut second.end).await, Err(TransferError::Unwanted)));
        let produced = end_of(&mut first.end).await.unwrap();
        assert_eq!(produced.bytes, 500);
        assert!(end_of(&mut third.end).await.is_ok());
        assert_eq!(pass.end.await.unwrap().result.unwrap().bytes, 500);
    }

    #[tokio::test]
    async fn digests_are_computed_without_an_open_branch() {
        let mut pass = pass_over(Chunks(10), 1);
        pass.needs_digests = true;
        let running = pass.start().unwrap();
        drop(running.branches);
        let produced = running.end.await.unwrap().result.unwrap();
        assert_eq!(
            *produced.digests.get(Algorithm::Md5).unwrap(),
            imgpush_digest::hash(Algorithm::Md5, &b"chunk".repeat(10))
        );
    }

    #[tokio::test]
    async fn a_branch_that_delays_the_others_is_dropped_if_requested() {
        let mut pass = pass_over(Chunks(100), 2);
        pass.slowest = Slowest::Drop { after: Duration::from_millis(200) };
        let mut running = pass.start().unwrap();
        let (mut stuck, mut quick) = (running.branches.remove(0), running.branches.remove(0));
        assert_eq!(read_all(&mut quick).await, 100);
        assert!(matches!(end_of(&mut stuck.end).await, Err(TransferError::TooSlow)));
        assert!(end_of(&mut quick.end).await.is_ok());
    }

    #[tokio::test]
    async fn a_branch_that_accepts_no_data_is_always_dropped() {
        let mut pass = pass_over(Chunks(100), 2).start().unwrap();
        let (mut stuck, mut slow) = (pass.branches.remove(0), pass.branches.remove(0));
        let mut chunks = 0;
        while slow.queue.recv().await.is_some() {
            chunks += 1;
            // Slower than any source, but never silent.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(chunks, 100);
        assert!(matches!(end_of(&mut stuck.end).await, Err(TransferError::TooSlow)));
        assert!(end_of(&mut slow.end).await.is_ok());
    }

    #[tokio::test]
    async fn a_single_branch_is_never_dropped() {
        let mut pass = pass_over(Chunks(20), 1);
        pass.slowest = Slowest::Drop { after: Duration::from_millis(50) };
        let mut running = pass.start().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(read_all(&mut running.branches[0]).await, 20);
    }

    /// A source with these bytes in one chunk, and another declared size.
    struct Claiming(Option<Bytes>, u64);

    impl Source for Claiming {
        fn name(&self) -> &str {
            "claiming"
        }

        fn size(&self) -> Option<u64> {
            Some(self.1)
        }

        fn next_chunk(&mut self, _: &Pool) -> Result<Option<Chunk>, SourceError> {
            Ok(self.0.take().map(Chunk::from))
        }
    }

    #[tokio::test]
    async fn no_byte_is_sent_after_the_declared_size_and_no_tail_before_it() {
        // The chunks of the pool have 4096 bytes.
        for (bytes, size, given) in [(10_000, 9_000, 1), (10_000, 8_192, 1), (10_000, 10_001, 2)] {
            let source = Claiming(Some(vec![7; bytes].into()), size);
            let mut pass = pass_over(source, 1).start().unwrap();
            let mut branch = pass.branches.remove(0);
            let mut chunks = 0;
            while branch.queue.recv().await.is_some() {
                chunks += 1;
            }
            assert_eq!(chunks, given, "{bytes} bytes under a size of {size}");
            let Err(TransferError::Source(error)) = end_of(&mut branch.end).await else {
                panic!("{bytes} bytes passed under a size of {size}")
            };
            let (SourceError::Grew { expected, .. } | SourceError::Shrank { expected, .. }) =
                *error
            else {
                panic!("{error:?}")
            };
            assert_eq!(expected, size);
        }
    }

    /// A source that panics.
    struct Panicking;

    impl Source for Panicking {
        fn name(&self) -> &str {
            "panicking"
        }

        fn size(&self) -> Option<u64> {
            None
        }

        fn next_chunk(&mut self, _: &Pool) -> Result<Option<Chunk>, SourceError> {
            panic!("out of paper")
        }
    }

    #[tokio::test]
    async fn a_panic_of_a_source_is_an_error_of_the_source() {
        let mut pass = pass_over(Panicking, 1).start().unwrap();
        let Err(TransferError::Source(error)) = end_of(&mut pass.branches[0].end).await else {
            panic!("another error")
        };
        assert_eq!(error.to_string(), "internal error while reading panicking: out of paper");
        assert!(matches!(pass.end.await.unwrap().result, Err(TransferError::Source(_))));
    }

    /// A gate that expects this number of bytes; opens if the flag is set.
    struct Gate(usize, bool);

    impl TailGate for Gate {
        fn see(&mut self, chunk: &Chunk) {
            self.0 -= chunk.slices().map(|slice| slice.len()).sum::<usize>();
        }

        fn opens(&mut self) -> bool {
            assert_eq!(self.0, 0, "the gate has not seen all bytes");
            self.1
        }
    }

    #[tokio::test]
    async fn a_closed_gate_withholds_the_tail_of_its_branch() {
        let mut pass = pass_over(Chunks(100), 2);
        pass.gates = vec![Some(Box::new(Gate(500, true))), Some(Box::new(Gate(500, false)))];
        let mut running = pass.start().unwrap();
        let (mut open, mut shut) = (running.branches.remove(0), running.branches.remove(0));
        let count = async |branch: &mut Branch| {
            let mut chunks = 0;
            while branch.queue.recv().await.is_some() {
                chunks += 1;
            }
            chunks
        };
        assert_eq!(tokio::join!(count(&mut open), count(&mut shut)), (100, 99));
        assert!(end_of(&mut open.end).await.is_ok());
        assert!(matches!(end_of(&mut shut.end).await, Err(TransferError::Withheld)));
    }

    #[test]
    fn queues_leave_chunks_for_the_reader() {
        for (chunks, branches, length) in
            [(4, 1, 1), (32, 1, 4), (12, 1, 4), (12, 2, 3), (32, 8, 2), (4, 8, 1)]
        {
            assert_eq!(
                queue_chunks(chunks, branches),
                length,
                "{chunks} chunks, {branches} branches"
            );
        }
    }
}
