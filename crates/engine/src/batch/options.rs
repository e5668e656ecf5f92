//! How a batch goes.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use imgpush_source::pool::{OVERHEAD_BYTES, Pool};

use crate::progress::Progress;
use crate::push::target::Target;
use crate::resources::{DEFAULT_MEMORY_BYTES, Hashing, Workbench};
use crate::retry::RetryOptions;

/// Who hears of an image, by its number from 0 and what it is read from, on its way into a target.
pub(super) type ProgressOf = Arc<dyn Fn(usize, &str, &Target) -> Arc<dyn Progress> + Send + Sync>;

/// How a batch goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchOptions {
    /// Images at a time, 4 by default. A service takes as many uploads at once as it has workers; more
    /// connections wait for one. Where the network is fast, 16 fill the vector registers.
    pub jobs: NonZeroUsize,
    /// Bytes of memory that the process should stay within; dealt out among the jobs.
    pub memory_bytes: u64,
    /// Bytes of one buffer; what suits the memory of a job when none.
    pub chunk_bytes: Option<usize>,
    /// The most uploads at a time to one target, that is one project of one service; none for as many as
    /// there are jobs, and as the quotas of the project allow.
    ///
    /// A task that has several targets in one project uploads to all of them at a time, whatever this says.
    pub uploads_per_target: Option<NonZeroUsize>,
    /// Begin with no other image when one has failed.
    pub fail_fast: bool,
    /// Where to write down what is begun and what is proved, to go on from there another time. It knows
    /// an image by its source, its name and the name of the target.
    pub journal: Option<PathBuf>,
    /// What is tried again when a service is asked for its quotas.
    pub retry: RetryOptions,
}

impl Default for BatchOptions {
    fn default() -> Self {
        BatchOptions {
            jobs: DEFAULT_JOBS,
            memory_bytes: DEFAULT_MEMORY_BYTES,
            chunk_bytes: None,
            uploads_per_target: None,
            fail_fast: false,
            journal: None,
            retry: RetryOptions::default(),
        }
    }
}

/// As many as a small image service has workers: more wait there, and on the same CPUs eight took a tenth
/// longer than four. Downloads go so by default, too.
const DEFAULT_JOBS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

impl BatchOptions {
    /// So many images at a time.
    #[must_use]
    pub fn with_jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = jobs;
        self
    }

    /// Within so many bytes of memory.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// With buffers of so many bytes.
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = Some(bytes);
        self
    }

    /// Sets the most uploads at a time to one target.
    #[must_use]
    pub fn with_uploads_per_target(mut self, uploads: NonZeroUsize) -> Self {
        self.uploads_per_target = Some(uploads);
        self
    }

    /// With no other image begun when one has failed.
    #[must_use]
    pub fn failing_fast(mut self) -> Self {
        self.fail_fast = true;
        self
    }

    /// With this journal.
    #[must_use]
    pub fn with_journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }

    /// Tried again so.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryOptions) -> Self {
        self.retry = retry;
        self
    }

    /// What each of so many jobs works with.
    pub(super) fn workbenches(&self, jobs: usize) -> Vec<Workbench> {
        let hashing = Hashing::of(jobs);
        let room = self.memory_bytes.saturating_sub(OVERHEAD_BYTES) / jobs.max(1) as u64;
        let bench = || Workbench {
            pool: Pool::dealt(room, self.chunk_bytes.unwrap_or_else(|| chunk_bytes(room, jobs))),
            hashing: hashing.clone(),
        };
        (0..jobs).map(|_| bench()).collect()
    }
}

/// One that has the machine to itself has the largest buffers. Of several, those that are read stay in the
/// second cache until they are hashed.
pub(crate) fn chunk_bytes(room: u64, jobs: usize) -> usize {
    let most = if jobs > 1 { SHARED_CHUNK_BYTES } else { imgpush_source::pool::CHUNK_BYTES };
    let share = usize::try_from(room / CHUNKS_A_JOB).unwrap_or(most).max(1);
    // The power of two that is not larger.
    let share = 1 << share.ilog2();
    share.clamp(LEAST_CHUNK_BYTES.min(most), most)
}

/// As `imgpush digest` reads.
const SHARED_CHUNK_BYTES: usize = 256 << 10;

/// Smaller ones are more calls than data.
const LEAST_CHUNK_BYTES: usize = 64 << 10;

/// The tail, the one being filled, those being hashed, and a queue for the network.
const CHUNKS_A_JOB: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_dealt_out_among_the_jobs() {
        for (mib, jobs, chunks, kib) in [
            (64, 1, 32, 1024),
            (64, 2, 8, 256),
            (64, 8, 8, 256),
            (64, 16, 8, 256),
            (64, 32, 8, 128),
            (64, 100, 5, 64),
            (32, 8, 8, 64),
            (0, 3, 4, 64),
        ] {
            let options = BatchOptions::default().with_memory_bytes(mib << 20);
            let benches = options.workbenches(jobs);
            assert_eq!(benches.len(), jobs);
            let pool = &benches[0].pool;
            assert_eq!((pool.chunks(), pool.chunk_bytes() >> 10), (chunks, kib), "{mib} {jobs}");
        }
    }
}
