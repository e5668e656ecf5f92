//! The queue between a pass and one receiver of its data.
//!
//! [`pass`](super::pass) creates the branches and fills their queues. The end is signalled once: after the
//! queue is closed, [`BranchEnd`] contains the result.

use std::time::Duration;

use imgpush_source::Chunk;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::error::TransferError;
use super::gate::TailGate;
use crate::integrity::Produced;

/// The result of a branch; `None` while it is open.
pub(crate) type BranchEnd = watch::Receiver<Option<Result<Produced, TransferError>>>;

/// The receiving side of a branch.
pub(crate) struct Branch {
    pub(crate) queue: mpsc::Receiver<Chunk>,
    pub(crate) end: BranchEnd,
}

/// The sending side of a branch, owned by the pass.
pub(crate) struct Feed {
    sender: mpsc::Sender<Chunk>,
    end: watch::Sender<Option<Result<Produced, TransferError>>>,
    pub(crate) gate: Option<Box<dyn TailGate>>,
    /// How long the other branches have waited for this one, in total or since the last chunk.
    pub(crate) delay: Duration,
}

/// Creates a branch whose queue has a capacity of `capacity` chunks.
pub(crate) fn branch(capacity: usize, gate: Option<Box<dyn TailGate>>) -> (Feed, Branch) {
    let (sender, queue) = mpsc::channel(capacity);
    let (end_sender, end) = watch::channel(None);
    (Feed { sender, end: end_sender, gate, delay: Duration::ZERO }, Branch { queue, end })
}

impl Feed {
    /// Sends a chunk; blocks while the queue is full.
    pub(crate) fn send(&self, chunk: &Chunk) -> Result<(), TransferError> {
        self.sender.blocking_send(chunk.clone()).map_err(|_| TransferError::Unwanted)
    }

    /// Sends a chunk if the queue is not full; returns whether it did.
    pub(crate) fn try_send(&self, chunk: &Chunk) -> Result<bool, TransferError> {
        match self.sender.try_send(chunk.clone()) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Closed(_)) => Err(TransferError::Unwanted),
        }
    }

    /// Waits until the queue has a free place or is closed, for at most `time_limit`.
    pub(crate) fn wait(&self, time_limit: Duration, runtime: &Handle) {
        let place =
            async { tokio::time::timeout(time_limit, self.sender.reserve()).await.map(drop) };
        let _ = runtime.block_on(place);
    }

    /// Whether the receiver has taken all chunks.
    pub(crate) fn is_drained(&self) -> bool {
        self.sender.capacity() == self.sender.max_capacity()
    }

    /// Ends the branch with success: the receiver gets the last chunk. A task waits for the free place, so
    /// that the other branches do not wait.
    pub(crate) fn finish(self, tail: Option<Chunk>, produced: Produced, runtime: &Handle) {
        self.end.send_replace(Some(Ok(produced)));
        if let Some(tail) = tail {
            runtime.spawn(async move {
                // A receiver that knows the size may have closed the queue after the last byte.
                let _ = self.sender.send(tail).await;
            });
        }
    }

    /// Ends the branch without the last chunk.
    pub(crate) fn fail(self, error: TransferError) {
        self.end.send_replace(Some(Err(error)));
    }
}
