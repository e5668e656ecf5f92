//! What is fetched, and what all connections have done together.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use imgpush_client::ImageClient;
use imgpush_source::{Pool, RetryPolicy};

use crate::progress::Progress;
use crate::pull::random_reads::RandomReads;

/// What messages call the data.
pub(in crate::pull) const DATA: &str = "the downloaded data";

/// What is fetched; all connections share it.
pub(crate) struct FetchTarget {
    pub(crate) client: ImageClient,
    pub(crate) id: String,
    /// Bytes of the image.
    pub(crate) size: u64,
    pub(crate) prefer: Vec<String>,
    pub(crate) random_reads: RandomReads,
    /// The first bytes of what an earlier download has left.
    pub(crate) start: Bytes,
    pub(crate) patience: RetryPolicy,
    /// Where all bytes that were received and not handed on are.
    pub(crate) pool: Pool,
    pub(crate) tally: TransferTally,
}

impl FetchTarget {
    /// Whether these bytes of the image, from byte `at` on, are those that an earlier download has left, as far
    /// as those are known.
    pub(super) fn fits(&self, at: u64, bytes: &[u8]) -> bool {
        let start = usize::try_from(at).ok().and_then(|at| self.start.get(at..));
        start.unwrap_or_default().iter().zip(bytes).all(|(left, sent)| left == sent)
    }
}

/// What all connections have done together.
pub(crate) struct TransferTally {
    progress: Arc<dyn Progress>,
    received: Mutex<ReceivedBytes>,
    requests: AtomicU32,
}

#[derive(Default)]
struct ReceivedBytes {
    bytes: u64,
    /// The most that was told: what is fetched a second time is not told again.
    told: u64,
}

impl TransferTally {
    pub(crate) fn new(progress: Arc<dyn Progress>) -> Self {
        TransferTally { progress, received: Mutex::default(), requests: AtomicU32::new(0) }
    }

    /// A request is sent.
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// So many more bytes are here.
    pub(super) fn add(&self, bytes: u64) {
        self.change(|received| received + bytes);
    }

    /// So many bytes are here, whatever was counted before.
    pub(super) fn set(&self, bytes: u64) {
        self.change(|_| bytes);
    }

    fn change(&self, change: impl FnOnce(u64) -> u64) {
        // Whole between any two statements; held while it is told, so that what is told only grows.
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.bytes = change(received.bytes);
        if received.bytes > received.told {
            received.told = received.bytes;
            self.progress.sent(received.bytes);
        }
    }
}
