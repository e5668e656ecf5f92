//! Downloads at work.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use imgpush_client::Image;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::error::PullFailure;
use super::expected::{Proof, prove};
use super::fetch::Fetch;
use super::writer::{Intake, Landed};
use crate::integrity::Produced;
use crate::progress::{Phase, Progress};

/// A download at work: the network on one side, the thread that hashes and writes on the other.
pub(super) struct Transfer {
    pub(super) fetch: Fetch,
    pub(super) intake: Intake,
    /// A chunk between the two.
    pub(super) chunk: Option<Bytes>,
    /// Bytes that were there before.
    pub(super) resumed_from: u64,
    pub(super) progress: Arc<dyn Progress>,
}

impl Transfer {
    /// Receives all. Ends well, too, when the thread has failed; [`land`](Transfer::land) tells.
    pub(super) async fn receive(&mut self) -> Result<(), PullFailure> {
        let Some(found) = self.intake.ready().await else { return Ok(()) };
        let at = found.bytes;
        self.resumed_from = at;
        tracing::info!(at, "{}", Phase::Downloading.name());
        self.progress.phase(Phase::Downloading);
        self.fetch.skip_to(at, found.start);
        loop {
            self.chunk = self.fetch.next_chunk().await?;
            if self.chunk.is_none() {
                self.intake.end().await;
                return Ok(());
            }
            if !self.intake.push(&mut self.chunk).await {
                return Ok(());
            }
        }
    }

    /// Has the thread take all that has come, and waits for its end; not for long when somebody waits at
    /// the terminal, as a disk may hang.
    pub(super) async fn land(mut self, cancel: &CancellationToken) -> Option<Landed> {
        let mut landing = pin!(async {
            for chunk in self.chunk.take().into_iter().chain(self.fetch.leave()) {
                self.intake.push(&mut Some(chunk)).await;
            }
            self.intake.finish().await
        });
        tokio::select! {
            landed = &mut landing => Some(landed),
            () = cancel.cancelled() => timeout(LANDING_TIMEOUT, landing).await.ok(),
        }
    }
}

/// A disk that works takes the few chunks there are in less.
const LANDING_TIMEOUT: Duration = Duration::from_secs(3);

/// A download whose last chunk waits for the proof.
pub(super) struct ChunkStream {
    /// None behind the last byte.
    pub(super) transfer: Option<Transfer>,
    pub(super) image: Image,
    /// The last chunk received.
    pub(super) tail: Option<Bytes>,
    /// Bytes handed out.
    pub(super) given: u64,
    pub(super) attempts: u32,
    /// Present behind the last byte.
    pub(super) proved: Option<(Produced, Proof)>,
}

impl ChunkStream {
    /// The next chunk; none behind the last, which comes when all is proved.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, PullFailure> {
        while let Some(transfer) = &mut self.transfer {
            let chunk = transfer.fetch.next_chunk().await?;
            self.attempts = transfer.fetch.attempts();
            let ready = match chunk {
                Some(chunk) => {
                    transfer.intake.push(&mut Some(chunk.clone())).await;
                    self.tail.replace(chunk)
                }
                None => {
                    transfer.intake.end().await;
                    let Some(transfer) = self.transfer.take() else { return Ok(None) };
                    transfer.progress.phase(Phase::Verifying);
                    let landed = transfer.intake.finish().await;
                    let produced = landed.result?.ok_or(PullFailure::Interrupted)?;
                    let proof = prove(&self.image, &produced)?;
                    self.proved = Some((produced, proof));
                    self.tail.take()
                }
            };
            if let Some(chunk) = ready {
                self.given += chunk.len() as u64;
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}
