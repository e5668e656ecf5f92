//! The image to download, and the counters that all its connections share.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use imgpush_client::ImageClient;
use imgpush_source::{Pool, RetryPolicy};

use crate::progress::Progress;
use crate::pull::random_reads::RandomReads;

/// The name of the data in messages.
pub(in crate::pull) const DATA: &str = "the downloaded data";

/// The image to download; all connections share it.
pub(crate) struct FetchTarget {
    pub(crate) client: ImageClient,
    pub(crate) id: String,
    /// The size of the image in bytes.
    pub(crate) size: u64,
    pub(crate) prefer: Vec<String>,
    pub(crate) random_reads: RandomReads,
    /// The first bytes of the partial file of an earlier download.
    pub(crate) start: Bytes,
    pub(crate) retry_policy: RetryPolicy,
    /// The pool of all received data that is not returned yet.
    pub(crate) pool: Pool,
    pub(crate) tally: TransferTally,
}

impl FetchTarget {
    /// Whether these bytes of the image, from byte `at` on, are equal to the start of the partial file, as
    /// far as it is known.
    pub(super) fn fits(&self, at: u64, bytes: &[u8]) -> bool {
        let start = usize::try_from(at).ok().and_then(|at| self.start.get(at..));
        start.unwrap_or_default().iter().zip(bytes).all(|(left, sent)| left == sent)
    }
}

/// Counters that all connections share.
pub(crate) struct TransferTally {
    progress: Arc<dyn Progress>,
    received: Mutex<ReceivedBytes>,
    requests: AtomicU32,
}

#[derive(Default)]
struct ReceivedBytes {
    bytes: u64,
    /// The maximum that was reported; repeated data is not reported again.
    reported: u64,
}

impl TransferTally {
    pub(crate) fn new(progress: Arc<dyn Progress>) -> Self {
        TransferTally { progress, received: Mutex::default(), requests: AtomicU32::new(0) }
    }

    /// Counts a request.
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Adds received bytes.
    pub(super) fn add(&self, bytes: u64) {
        self.change(|received| received + bytes);
    }

    /// Sets the number of received bytes.
    pub(super) fn set(&self, bytes: u64) {
        self.change(|_| bytes);
    }

    fn change(&self, change: impl FnOnce(u64) -> u64) {
        // Consistent between any two statements. The lock is held during the report, so that the reported
        // values only grow.
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.bytes = change(received.bytes);
        if received.bytes > received.reported {
            received.reported = received.bytes;
            self.progress.sent(received.bytes);
        }
    }
}
