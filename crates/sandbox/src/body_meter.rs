//! The body of a running request: the number of bytes read, and cutting the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

/// Counts the bytes of the body of one request. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyMeter(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    largest_piece: AtomicUsize,
}

impl BodyMeter {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.0.largest_piece.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn largest_piece(&self) -> usize {
        self.0.largest_piece.load(Ordering::Relaxed)
    }
}

/// Cuts the connection without a response. Never returns: the server drops the caller.
pub(crate) async fn cut_off(cut: &CancellationToken) {
    cut.cancel();
    std::future::pending::<()>().await;
}
