//! Joins reading, hashing and sending of one source.
//!
//! One thread a push, outside the async runtime, owns the source. For each chunk it hands one
//! reference to the hasher and one to the queue of whoever sends; both queues are short and bounded,
//! so the slower of the two sets the pace. The thread keeps the last chunk back, the *tail*, until
//! the source has said that it is whole, all digests are in, and the bytes have proved to be what the
//! record says. So there is always an end still unsent while anything can turn out wrong, and what is
//! cut there never becomes an active image.
//!
//! Whoever loses interest drops the queue: the thread's next hand-over fails, it ends, and with it
//! the hasher's threads. A source that blocks in a read ends later, which harms nobody.

use std::num::NonZeroUsize;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Digests, MultiHasher};
use tokio::sync::{mpsc, oneshot};

use crate::SourceError;
use crate::error::Failure;
use crate::formats::{Claim, Examination, Examined};
use crate::pool::Pool;
use crate::source::Source;

/// The most bytes in one frame of a body.
///
/// uWSGI refuses an HTTP chunk that with its framing reaches 1 MiB, its default limit.
pub const FRAME_BYTES: usize = 512 << 10;

/// Chunks that may wait for the network. Enough to cover a hiccup of the reader.
const QUEUE_CHUNKS: usize = 4;

/// What goes to whoever sends.
pub(crate) enum Item {
    /// The next bytes.
    Chunk(Bytes),
    /// That was all, and all is well.
    End,
    /// Do not end this well.
    Cut,
}

/// A source that is being read.
pub(crate) struct Flow {
    pub(crate) queue: mpsc::Receiver<Item>,
    pub(crate) outcome: oneshot::Receiver<Outcome>,
}

/// What became of the reading, and the source back.
pub(crate) struct Outcome {
    pub(crate) source: Box<dyn Source>,
    pub(crate) result: Result<Read, Stop>,
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
}

/// Why reading ended before the end.
pub(crate) enum Stop {
    /// The source failed.
    Source(SourceError),
    /// The data is not what was claimed.
    Claim(Failure),
    /// Nobody wanted the rest.
    Unwanted,
}

/// Starts reading. `head` holds the chunks that were read already. The end is let go only if the bytes
/// are what `claim` says.
pub(crate) fn start(
    source: Box<dyn Source>,
    head: Vec<Bytes>,
    pool: Pool,
    algorithms: &[Algorithm],
    claim: Option<Claim>,
) -> std::io::Result<Flow> {
    let (sender, queue) = mpsc::channel(QUEUE_CHUNKS);
    let (done, outcome) = oneshot::channel();
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let wanted = algorithms.iter().chain(source.wants()).copied();
    let mut hasher = MultiHasher::new(wanted, threads);
    let mut source = source;
    std::thread::Builder::new().name("imgpush-read".into()).spawn(move || {
        let examination = claim.map(Examination::of);
        let mut reading = Reading { head: head.into_iter(), pool, bytes: 0, examination };
        let result = match reading.run(source.as_mut(), &mut hasher, &sender) {
            Ok(tail) => reading.release(source.as_mut(), hasher, tail, &sender),
            // A source that changed can be why nobody wants the rest: it broke the connection.
            Err(Stop::Unwanted) => source.check().map_err(Stop::Source).and(Err(Stop::Unwanted)),
            Err(stop) => Err(stop),
        };
        if result.is_err() {
            // Fails when nobody listens any more, which is as good.
            let _ = sender.blocking_send(Item::Cut);
        }
        // The push may have been given up meanwhile.
        let _ = done.send(Outcome { source, result });
    })?;
    Ok(Flow { queue, outcome })
}

struct Reading {
    head: std::vec::IntoIter<Bytes>,
    pool: Pool,
    bytes: u64,
    examination: Option<Examination>,
}

impl Reading {
    /// Hands on all chunks but the last, which it returns.
    fn run(
        &mut self,
        source: &mut dyn Source,
        hasher: &mut MultiHasher,
        sender: &mpsc::Sender<Item>,
    ) -> Result<Option<Bytes>, Stop> {
        let mut tail: Option<Bytes> = None;
        loop {
            let chunk = match self.head.next() {
                Some(chunk) => Some(chunk),
                None => source.next_chunk(&self.pool).map_err(Stop::Source)?,
            };
            let Some(chunk) = chunk else { break };
            self.bytes += chunk.len() as u64;
            hasher.update(&chunk);
            if let Some(examination) = &mut self.examination {
                examination.push(&chunk);
            }
            if let Some(before) = tail.replace(chunk) {
                sender.blocking_send(Item::Chunk(before)).map_err(|_| Stop::Unwanted)?;
            }
        }
        Ok(tail)
    }

    /// Waits for the digests, the word of the source and the verdict, then lets the tail go.
    fn release(
        self,
        source: &mut dyn Source,
        hasher: MultiHasher,
        tail: Option<Bytes>,
        sender: &mpsc::Sender<Item>,
    ) -> Result<Read, Stop> {
        let digests = hasher.finish();
        source.finish(&digests).map_err(Stop::Source)?;
        let examined =
            self.examination.map(Examination::finish).transpose().map_err(Stop::Claim)?;
        for item in tail.map(Item::Chunk).into_iter().chain([Item::End]) {
            if sender.blocking_send(item).is_err() {
                // Who knows the size stops asking behind the last byte.
                break;
            }
        }
        Ok(Read { produced: Produced { bytes: self.bytes, digests }, examined })
    }
}

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

    /// A mapped file that shrinks breaks the connection, which would be taken for the reason.
    #[tokio::test]
    async fn a_source_that_changed_says_so_also_when_nobody_wants_the_rest() {
        let flow = start(Box::new(Changing), Vec::new(), Pool::new(4, 4096), &[], None).unwrap();
        drop(flow.queue);
        let result = flow.outcome.await.unwrap().result;
        assert!(matches!(result, Err(Stop::Source(SourceError::Changed { .. }))));
    }
}
