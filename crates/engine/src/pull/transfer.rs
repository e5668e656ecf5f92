//! Running downloads: the connection between the network and the writer thread.
//!
//! [`Download`](super::Download) drives them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use imgpush_client::Image;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::PullFailure;
use super::expected::{VerificationResult, verify_data};
use super::fetch::Fetch;
use super::writer::{Writer, WriterResult};
use crate::integrity::Produced;
use crate::progress::{Phase, Progress};

/// A running download: the network on one side, the thread that hashes and writes on the other.
pub(super) struct Transfer {
    pub(super) fetch: Fetch,
    pub(super) writer: Writer,
    /// A chunk that was received and not yet passed to the thread.
    pub(super) chunk: Option<Bytes>,
    /// Bytes of an earlier download.
    pub(super) resumed_from: u64,
    pub(super) progress: Arc<dyn Progress>,
}

impl Transfer {
    /// Receives all data. Also returns `Ok` if the thread has failed; [`finish`](Transfer::finish) returns
    /// that error.
    pub(super) async fn receive(&mut self) -> Result<(), PullFailure> {
        let Some(found) = self.writer.ready().await else { return Ok(()) };
        let at = found.bytes;
        self.resumed_from = at;
        tracing::info!(at, "{}", Phase::Downloading.name());
        self.progress.phase(Phase::Downloading);
        self.fetch.skip_to(at, found.start);
        loop {
            self.chunk = self.fetch.next_chunk().await?;
            if self.chunk.is_none() {
                self.writer.end().await;
                return Ok(());
            }
            if !self.writer.push(&mut self.chunk).await {
                return Ok(());
            }
        }
    }

    /// Passes all received data to the thread, and waits for its end. After a cancellation it waits at most 3
    /// s, because a disk may hang.
    pub(super) async fn finish(mut self, cancel: &CancellationToken) -> Option<WriterResult> {
        let mut finishing = pin!(async {
            for chunk in self.chunk.take().into_iter().chain(self.fetch.leave()) {
                self.writer.push(&mut Some(chunk)).await;
            }
            self.writer.finish().await
        });
        tokio::select! {
            outcome = &mut finishing => Some(outcome),
            () = cancel.cancelled() => timeout(FINISH_TIMEOUT, finishing).await.ok(),
        }
    }
}

/// A working disk writes the few remaining chunks in less time.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

/// A download that withholds its last chunk until the verification.
pub(super) struct ChunkStream {
    /// `None` after the last byte.
    pub(super) transfer: Option<Transfer>,
    pub(super) image: Image,
    /// The last chunk received.
    pub(super) tail: Option<Bytes>,
    /// Bytes passed to the caller.
    pub(super) returned: u64,
    pub(super) attempts: u32,
    /// Set after the last byte.
    pub(super) verified: Option<(Produced, VerificationResult)>,
}

impl ChunkStream {
    /// Returns the next chunk; `None` after the last one, which is returned after the verification.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, PullFailure> {
        while let Some(transfer) = &mut self.transfer {
            let chunk = transfer.fetch.next_chunk().await?;
            self.attempts = transfer.fetch.attempts();
            let ready = match chunk {
                Some(chunk) => {
                    transfer.writer.push(&mut Some(chunk.clone())).await;
                    self.tail.replace(chunk)
                }
                None => {
                    transfer.writer.end().await;
                    let Some(transfer) = self.transfer.take() else { return Ok(None) };
                    transfer.progress.phase(Phase::Verifying);
                    let outcome = transfer.writer.finish().await;
                    let produced = outcome.result?.ok_or(PullFailure::Interrupted)?;
                    let verification = verify_data(&self.image, &produced)?;
                    self.verified = Some((produced, verification));
                    self.tail.take()
                }
            };
            if let Some(chunk) = ready {
                self.returned += chunk.len() as u64;
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}
