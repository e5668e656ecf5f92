//! The thread of a download that hashes the received data and writes it to the partial file, outside the
//! async runtime.
//!
//! [`transfer`](super::transfer) feeds it. The received data is written even if the download fails, so that
//! it can be resumed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use imgpush_digest::Algorithm;
use imgpush_source::{Chunk, Provenance};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::error::{DestinationError, PullFailure};
use super::partial_file::PartialFile;
use crate::integrity::Produced;
use crate::progress::{Phase, Progress};
use crate::resources::Hasher;
use crate::resources::TransferResources;

/// Chunks that may wait for the thread. With one that it processes and one being filled, they bridge short
/// delays on both sides.
const QUEUE_CHUNKS: usize = 2;

/// Bytes at the start of a partial file that are compared if the service sends them again: enough for the
/// headers of all image formats.
const START_BYTES: usize = 64 << 10;

/// A handle to the thread. Dropping it stops the thread after its current chunk.
pub(crate) struct Writer {
    queue: mpsc::Sender<Item>,
    ready: Option<oneshot::Receiver<ExistingData>>,
    outcome: oneshot::Receiver<WriterResult>,
    written: Arc<AtomicU64>,
}

enum Item {
    Chunk(Bytes),
    /// The end of the data.
    End,
}

/// The partial file of an earlier download.
pub(crate) struct ExistingData {
    /// Its length.
    pub(crate) bytes: u64,
    /// Its first bytes.
    pub(crate) start: Bytes,
}

/// The result of the thread.
pub(crate) struct WriterResult {
    /// The file, if there is one.
    pub(crate) partial_file: Option<PartialFile>,
    /// The digests of all data; `None` if the end was not received.
    pub(crate) result: Result<Option<Produced>, PullFailure>,
}

impl Writer {
    /// Starts the thread. It first hashes the existing content of the partial file.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot start a thread.
    pub(crate) fn start(
        algorithms: Vec<Algorithm>,
        partial_file: Option<PartialFile>,
        resources: TransferResources,
        progress: Arc<dyn Progress>,
    ) -> std::io::Result<Self> {
        let (queue, items) = mpsc::channel(QUEUE_CHUNKS);
        let (ready_sender, ready) = oneshot::channel();
        let (outcome_sender, outcome) = oneshot::channel();
        let written = Arc::new(AtomicU64::new(0));
        let mut work = WriterThread {
            hasher: resources.hashing.hasher(algorithms),
            partial_file,
            items,
            bytes: 0,
            written: Arc::clone(&written),
        };
        let run = move || {
            let result = work.resume(&resources, progress.as_ref()).and_then(|start| {
                // Fails if the download was cancelled in the meantime; the following sends fail too.
                let _ = ready_sender.send(ExistingData { bytes: work.bytes, start });
                work.run()
            });
            let WriterThread { hasher, mut partial_file, bytes, .. } = work;
            if let Some(partial_file) = &mut partial_file {
                // If this fails, the next download requests the zeros again.
                let _ = partial_file.set_length();
            }
            let result = match result {
                Ok(true) => Ok(Some(Produced {
                    bytes,
                    digests: hasher.finish(),
                    provenance: Provenance::default(),
                    ignored_bytes: 0,
                })),
                Ok(false) => Ok(None),
                Err(failure) => Err(failure),
            };
            let _ = outcome_sender.send(WriterResult { partial_file, result });
        };
        std::thread::Builder::new().name("imgpush-write".into()).spawn(run)?;
        Ok(Writer { queue, ready: Some(ready), outcome, written })
    }

    /// Waits until the existing content is hashed, and returns its length and start; `None` after a failure,
    /// which [`finish`](Writer::finish) returns.
    pub(crate) async fn ready(&mut self) -> Option<ExistingData> {
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
    pub(crate) async fn finish(self) -> WriterResult {
        drop(self.queue);
        self.outcome.await.unwrap_or_else(|_| {
            let reason = "the writer thread ended with an internal error".to_owned();
            WriterResult { partial_file: None, result: Err(PullFailure::Panicked { reason }) }
        })
    }
}

/// The state of the thread.
struct WriterThread {
    hasher: Hasher,
    partial_file: Option<PartialFile>,
    items: mpsc::Receiver<Item>,
    /// Bytes hashed.
    bytes: u64,
    written: Arc<AtomicU64>,
}

impl WriterThread {
    /// Hashes the content of an earlier download, and returns its first bytes.
    fn resume(
        &mut self,
        resources: &TransferResources,
        progress: &dyn Progress,
    ) -> Result<Bytes, PullFailure> {
        let mut start = Bytes::new();
        let Some(partial_file) =
            self.partial_file.as_mut().filter(|partial_file| partial_file.bytes() > 0)
        else {
            return Ok(start);
        };
        progress.phase(Phase::Resuming);
        // The queue is closed if the download was cancelled.
        while !self.items.is_closed() {
            let mut buffer =
                resources.pool.take().map_err(|source| PullFailure::Memory { source })?;
            let filled = partial_file.read(buffer.space()).map_err(PullFailure::Destination)?;
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
        if let Some(partial_file) = &mut self.partial_file {
            partial_file.sync().map_err(PullFailure::Destination)?;
        }
        Ok(true)
    }

    /// Waits for the next item. Before it blocks, it sets the length of the file to the received data.
    fn next_item(&mut self) -> Result<Option<Item>, DestinationError> {
        match self.items.try_recv() {
            Ok(item) => Ok(Some(item)),
            Err(TryRecvError::Disconnected) => Ok(None),
            Err(TryRecvError::Empty) => {
                if let Some(partial_file) = &mut self.partial_file {
                    partial_file.set_length()?;
                }
                Ok(self.items.blocking_recv())
            }
        }
    }

    fn take(&mut self, chunk: &Chunk) -> Result<(), DestinationError> {
        self.hasher.update(chunk);
        if let Some(partial_file) = &mut self.partial_file {
            partial_file.write(chunk)?;
        }
        self.bytes += chunk.len();
        self.written.store(self.bytes, Ordering::Relaxed);
        Ok(())
    }
}
