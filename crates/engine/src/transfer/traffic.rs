//! The time of the last data transfer to a service.
//!
//! [`upload`](super::upload) updates it, to distinguish a stalled connection from one that waits for a worker
//! of the service.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time of the last data transfer to a service, over any connection of this process.
#[derive(Debug)]
pub(crate) struct Traffic {
    start: Instant,
    /// Milliseconds since `start`.
    moved: AtomicU64,
}

impl Default for Traffic {
    fn default() -> Self {
        Traffic { start: Instant::now(), moved: AtomicU64::new(0) }
    }
}

impl Traffic {
    pub(crate) fn moved(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
    }

    /// Returns how long no data was transferred.
    pub(crate) fn idle(&self) -> Duration {
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(moved)
    }
}
