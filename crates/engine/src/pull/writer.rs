//! The thread of a download that hashes the received data and writes it to the partial file, outside the
//! async runtime.

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

/// Chunks that may wait for the thread. With one that it processes and one being filled, they bridge short
/// delays on both sides.
const QUEUE_CHUNKS: usize = 2;

/// Bytes at the start of a partial file that are compared if the service sends them again: enough for the
/// headers of all image formats.
const START_BYTES: usize = 64 << 10;

/// A handle to the thread. Dropping it stops the thread after its current chunk.
pub(crate) struct Intake {
    queue: mpsc::Sender<Item>,
    ready: Option<oneshot::Receiver<FoundPart>>,
    landed: oneshot::Receiver<Landed>,
    written: Arc<AtomicU64>,
}

enum Item {
    Chunk(Bytes),
    /// The end of the data.
    End,
}

/// The partial file of an earlier download.
pub(crate) struct FoundPart {
    /// Its length.
    pub(crate) bytes: u64,
    /// Its first bytes.
    pub(crate) start: Bytes,
}

/// The result of the thread.
pub(crate) struct Landed {
    /// The file, if there is one.
    pub(crate) part: Option<Part>,
    /// The digests of all data; `None` if the end was not received.
    pub(crate) result: Result<Option<Produced>, PullFailure>,
}

impl Intake {
    /// Starts the thread. It first hashes the existing content of `part`.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot start a thread.
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
                // Fails if the download was cancelled in the meantime; the following sends fail too.
                let _ = tell_ready.send(FoundPart { bytes: work.bytes, start });
                work.run()
            });
            let WriterThread { hasher, mut part, bytes, .. } = work;
            if let Some(part) = &mut part {
                // If this fails, the next download requests the zeros again.
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

    /// Waits until the existing content is hashed, and returns its length and start; `None` after a failure,
    /// which [`finish`](Writer::finish) returns.
    pub(crate) async fn ready(&mut self) -> Option<FoundPart> {
        self.ready.take()?.await.ok()
    }

    /// Passes `chunk` to the thread and takes it out of the option. Returns `false` if the thread has ended;
    /// [`finish`](Writer::finish) returns the reason.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the data is in `chunk` or in the queue.
    pub(crate) async fn push(&self, chunk: &mut Option<Bytes>) -> bool {
        let Ok(place) = self.queue.reserve().await else { return false };
        if let Some(chunk) = chunk.take() {
            place.send(Item::Chunk(chunk));
        }
        true
    }

    /// Signals the end of the data.
    pub(crate) async fn end(&self) -> bool {
        self.queue.send(Item::End).await.is_ok()
    }

    /// Returns the counter of the bytes that are written, including those of an earlier download.
    pub(crate) fn written(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.written)
    }

    /// Waits for the thread to end. The result contains the digests if [`end`](Writer::end) was called
    /// before.
    pub(crate) async fn finish(self) -> Landed {
        drop(self.queue);
        self.landed.await.unwrap_or_else(|_| {
            let reason = "see the message of the thread".to_owned();
            Landed { part: None, result: Err(PullFailure::Panicked { reason }) }
        })
    }
}

/// The state of the thread.
struct WriterThread {
    hasher: Hasher,
    part: Option<Part>,
    items: mpsc::Receiver<Item>,
    /// Bytes hashed.
    bytes: u64,
    written: Arc<AtomicU64>,
}

impl WriterThread {
    /// Hashes the content of an earlier download, and returns its first bytes.
    fn resume(&mut self, bench: &Workbench, progress: &dyn Progress) -> Result<Bytes, PullFailure> {
        let mut start = Bytes::new();
        let Some(part) = self.part.as_mut().filter(|part| part.bytes() > 0) else {
            return Ok(start);
        };
        progress.phase(Phase::Resuming);
        // The queue is closed if the download was cancelled.
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

    /// Processes chunks until the end of the data; returns whether that was received.
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

    /// Waits for the next item. Before it blocks, it sets the length of the file to the received data.
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
