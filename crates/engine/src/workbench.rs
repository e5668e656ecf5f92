//! What a push works with: buffers and hashers, its own or lent by a batch.

use crate::hashing::Hashing;
use crate::pool::Pool;

/// The buffers of one push at a time, and who hashes.
#[derive(Clone, Debug)]
pub(crate) struct Workbench {
    pub(crate) pool: Pool,
    pub(crate) hashing: Hashing,
}

impl Workbench {
    /// For a push that has the process to itself.
    pub(crate) fn within(memory_bytes: u64) -> Self {
        Workbench { pool: Pool::within(memory_bytes), hashing: Hashing::of(1) }
    }
}
