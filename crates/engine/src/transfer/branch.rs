//! The queue between a pass and one receiver of its data.
//!
//! The end is signalled once: when the queue is closed, [`BranchEnd`] says whether that was all of it.

use std::time::Duration;

use imgpush_source::Chunk;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::error::TransferError;
use super::gate::TailGate;
use crate::integrity::Produced;

/// How a branch ended, and with what; none while it has not.
pub(crate) type BranchEnd = watch::Receiver<Option<Result<Produced, TransferError>>>;

/// The receiver's side.
pub(crate) struct Branch {
    pub(crate) queue: mpsc::Receiver<Chunk>,
    pub(crate) end: BranchEnd,
}

/// The side of the pass.
pub(crate) struct Feed {
    sender: mpsc::Sender<Chunk>,
    end: watch::Sender<Option<Result<Produced, TransferError>>>,
    pub(crate) gate: Option<Box<dyn TailGate>>,
    /// How long the others have waited for it, in total or since the last chunk.
    pub(crate) held_up: Duration,
}

/// A branch whose queue has this many places, with a gate where it has one.
pub(crate) fn branch(places: usize, gate: Option<Box<dyn TailGate>>) -> (Feed, Branch) {
    let (sender, queue) = mpsc::channel(places);
    let (says, end) = watch::channel(None);
    (Feed { sender, end: says, gate, held_up: Duration::ZERO }, Branch { queue, end })
}

impl Feed {
    /// Waits for a free place.
    pub(crate) fn send(&self, chunk: &Chunk) -> Result<(), TransferError> {
        self.sender.blocking_send(chunk.clone()).map_err(|_| TransferError::Unwanted)
    }

    /// Whether there was a free place.
    pub(crate) fn try_send(&self, chunk: &Chunk) -> Result<bool, TransferError> {
        match self.sender.try_send(chunk.clone()) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Closed(_)) => Err(TransferError::Unwanted),
        }
    }

    /// Waits for a free place, or for the receiver to leave, but for `patience` at most.
    pub(crate) fn wait(&self, patience: Duration, runtime: &Handle) {
        let place = async { tokio::time::timeout(patience, self.sender.reserve()).await.map(drop) };
        let _ = runtime.block_on(place);
    }

    /// Whether the receiver has taken all there was.
    pub(crate) fn is_hungry(&self) -> bool {
        self.sender.capacity() == self.sender.max_capacity()
    }

    /// Ends it well: the receiver gets the last chunk. A task waits for a free place, so that the other
    /// branches do not.
    pub(crate) fn finish(self, tail: Option<Chunk>, produced: Produced, runtime: &Handle) {
        self.end.send_replace(Some(Ok(produced)));
        if let Some(tail) = tail {
            runtime.spawn(async move {
                // A receiver that knows the size may have left after the last byte.
                let _ = self.sender.send(tail).await;
            });
        }
    }

    /// Ends it without the last chunk.
    pub(crate) fn fail(self, error: TransferError) {
        self.end.send_replace(Some(Err(error)));
    }
}
