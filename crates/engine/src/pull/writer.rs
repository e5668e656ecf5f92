//! Hashes what is received, and writes it to the partial file, on a thread outside the async runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use imgpush_digest::Algorithm;
use imgpush_source::{Chunk, Provenance};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::error::{DestinationError, PullFailure};
use super::partial_file::Part;
use crate::integrity::Produced;
use crate::progress::{Phase, Progress};
use crate::resources::Hasher;
use crate::resources::Workbench;

/// Chunks that may wait for the thread: with one in its hands and one being filled they cover a hiccup
/// of either side.
const QUEUE_CHUNKS: usize = 2;

/// Bytes at the start of a partial file that are compared where the service sends them again: those of all
/// headers of images.
const START_BYTES: usize = 64 << 10;

/// The thread, seen from the task that feeds it. Dropping it ends the thread behind the chunk it is at.
pub(crate) struct Intake {
    queue: mpsc::Sender<Item>,
    ready: Option<oneshot::Receiver<FoundPart>>,
    landed: oneshot::Receiver<Landed>,
    written: Arc<AtomicU64>,
}

enum Item {
    Chunk(Bytes),
    /// That was all.
    End,
}

/// What an earlier download has left.
pub(crate) struct FoundPart {
    /// Its length.
    pub(crate) bytes: u64,
    /// The first of its bytes.
    pub(crate) start: Bytes,
}

/// What became of the bytes.
pub(crate) struct Landed {
    /// The file, when there is one.
    pub(crate) part: Option<Part>,
    /// The digests of all bytes; none when the end never came.
    pub(crate) result: Result<Option<Produced>, PullFailure>,
}

impl Intake {
    /// Starts the thread. What is in `part` already is hashed first.
    ///
    /// # Errors
    ///
    /// When the system starts no more threads.
    pub(crate) fn start(
        algorithms: Vec<Algorithm>,
        part: Option<Part>,
        bench: Workbench,
        progress: Arc<dyn Progress>,
    ) -> std::io::Result<Self> {
        let (queue, items) = mpsc::channel(QUEUE_CHUNKS);
        let (tell_ready, ready) = oneshot::channel();
        let (tell_landed, landed) = oneshot::channel();
        let written = Arc::new(AtomicU64::new(0));
        let mut work = WriterThread {
            hasher: bench.hashing.hasher(algorithms),
            part,
            items,
            bytes: 0,
            written: Arc::clone(&written),
        };
        let run = move || {
            let result = work.resume(&bench, progress.as_ref()).and_then(|start| {
                // Fails when the download was given up meanwhile; so does what follows.
                let _ = tell_ready.send(FoundPart { bytes: work.bytes, start });
                work.run()
            });
            let WriterThread { hasher, mut part, bytes, .. } = work;
            if let Some(part) = &mut part {
                // A length that cannot be set has the next download fetch zeros again.
                let _ = part.set_length();
            }
            let result = match result {
                Ok(true) => Ok(Some(Produced {
                    bytes,
                    digests: hasher.finish(),
                    provenance: Provenance::default(),
                })),
                Ok(false) => Ok(None),
                Err(failure) => Err(failure),
            };
            let _ = tell_landed.send(Landed { part, result });
        };
        std::thread::Builder::new().name("imgpush-write".into()).spawn(run)?;
        Ok(Intake { queue, ready: Some(ready), landed, written })
    }

    /// What is there already, once it is hashed; none when that failed, which [`finish`](Intake::finish)
    /// tells.
    pub(crate) async fn ready(&mut self) -> Option<FoundPart> {
        self.ready.take()?.await.ok()
    }

    /// Hands on the next bytes, and leaves none in `chunk`; `false` when the thread has ended, and
    /// [`finish`](Intake::finish) tells why.
    ///
    /// # Cancel safety
    ///
    /// The bytes are in `chunk` or on their way, never lost.
    pub(crate) async fn push(&self, chunk: &mut Option<Bytes>) -> bool {
        let Ok(place) = self.queue.reserve().await else { return false };
        if let Some(chunk) = chunk.take() {
            place.send(Item::Chunk(chunk));
        }
        true
    }

    /// Says that this was all.
    pub(crate) async fn end(&self) -> bool {
        self.queue.send(Item::End).await.is_ok()
    }

    /// Bytes written, or found written.
    pub(crate) fn written(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.written)
    }

    /// Waits for the thread to end: with the digests behind [`end`](Intake::end), else as far as it is.
    pub(crate) async fn finish(self) -> Landed {
        drop(self.queue);
        self.landed.await.unwrap_or_else(|_| {
            let reason = "see the message of the thread".to_owned();
            Landed { part: None, result: Err(PullFailure::Panicked { reason }) }
        })
    }
}

/// The thread, seen from inside.
struct WriterThread {
    hasher: Hasher,
    part: Option<Part>,
    items: mpsc::Receiver<Item>,
    /// Bytes hashed.
    bytes: u64,
    written: Arc<AtomicU64>,
}

impl WriterThread {
    /// Hashes what an earlier download has left, and gives its start.
    fn resume(&mut self, bench: &Workbench, progress: &dyn Progress) -> Result<Bytes, PullFailure> {
        let mut start = Bytes::new();
        let Some(part) = self.part.as_mut().filter(|part| part.bytes() > 0) else {
            return Ok(start);
        };
        progress.phase(Phase::Resuming);
        // Nobody feeds a download that was given up.
        while !self.items.is_closed() {
            let mut buffer = bench.pool.take().map_err(|source| PullFailure::Memory { source })?;
            let filled = part.read(buffer.space()).map_err(PullFailure::Destination)?;
            if filled == 0 {
                break;
            }
            let chunk = buffer.into_chunk(filled);
            if self.bytes == 0 {
                start = chunk.iter().take(START_BYTES).copied().collect();
            }
            self.bytes += filled as u64;
            self.hasher.update(&Chunk::of(chunk));
            self.written.store(self.bytes, Ordering::Relaxed);
            progress.sent(self.bytes);
        }
        Ok(start)
    }

    /// Takes chunks until the end; whether it came.
    fn run(&mut self) -> Result<bool, PullFailure> {
        loop {
            match self.next_item().map_err(PullFailure::Destination)? {
                Some(Item::Chunk(bytes)) => {
                    self.take(&Chunk::of(bytes)).map_err(PullFailure::Destination)?;
                }
                Some(Item::End) => break,
                None => return Ok(false),
            }
        }
        if let Some(part) = &mut self.part {
            part.sync().map_err(PullFailure::Destination)?;
        }
        Ok(true)
    }

    /// Waits for the next item. The file is as long as what has come while it waits.
    fn next_item(&mut self) -> Result<Option<Item>, DestinationError> {
        match self.items.try_recv() {
            Ok(item) => Ok(Some(item)),
            Err(TryRecvError::Disconnected) => Ok(None),
            Err(TryRecvError::Empty) => {
                if let Some(part) = &mut self.part {
                    part.set_length()?;
                }
                Ok(self.items.blocking_recv())
            }
        }
    }

    fn take(&mut self, chunk: &Chunk) -> Result<(), DestinationError> {
        self.hasher.update(chunk);
        if let Some(part) = &mut self.part {
            part.write(chunk)?;
        }
        self.bytes += chunk.len();
        self.written.store(self.bytes, Ordering::Relaxed);
        Ok(())
    }
}
