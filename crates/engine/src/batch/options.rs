//! Options of a batch.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use crate::progress::Progress;
use crate::resources::DEFAULT_MEMORY_BYTES;
use crate::retry::RetryOptions;
use crate::setters::setters;

/// One target of one task. Each has its own receiver of progress events.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TaskTarget<'a> {
    /// The number of the task, from 0.
    pub number: usize,
    /// The name of the task in messages: the source of a push, the image otherwise.
    pub name: &'a str,
    /// The name of the cloud.
    pub cloud: &'a str,
}

/// Returns the receiver of the progress of a task for one target.
pub(super) type ProgressOf = Arc<dyn Fn(TaskTarget<'_>) -> Arc<dyn Progress> + Send + Sync>;

/// How a failed task affects the rest of the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// The other tasks are not affected.
    #[default]
    Continue,
    /// No other task starts. Running tasks are completed.
    StartNoOther,
    /// No other task starts, and running tasks are cancelled.
    CancelAll,
}

/// Options of a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchOptions {
    /// Number of concurrent tasks, 4 by default. A service processes as many uploads at once as it has
    /// workers; further connections wait. On a fast network, 16 tasks fill the SIMD lanes.
    pub jobs: NonZeroUsize,
    /// The memory limit of the process in bytes, divided among the jobs.
    pub memory_bytes: u64,
    /// Bytes of one buffer; derived from the memory of a job by default.
    pub chunk_bytes: Option<usize>,
    /// Maximum number of concurrent uploads to one target, which is one project of one service. By default
    /// the number of jobs and the quotas of the project are the only limits.
    ///
    /// A task that has several targets in one project uploads to all of them at once, even if they exceed the
    /// limit.
    pub uploads_per_target: Option<NonZeroUsize>,
    /// How a failed task affects the rest of the batch.
    pub on_failure: OnFailure,
    /// The file that records which pushes have started and which images are verified. A later batch with the
    /// same file resumes from it. An image is identified by its source, its name and the name of the target.
    pub journal: Option<PathBuf>,
    /// The retry policy of the requests for quotas.
    pub retry: RetryOptions,
}

impl Default for BatchOptions {
    fn default() -> Self {
        BatchOptions {
            jobs: DEFAULT_JOBS,
            memory_bytes: DEFAULT_MEMORY_BYTES,
            chunk_bytes: None,
            uploads_per_target: None,
            on_failure: OnFailure::default(),
            journal: None,
            retry: RetryOptions::default(),
        }
    }
}

/// The number of workers of a small image service; further uploads would wait there. On one set of CPUs,
/// eight uploads took a tenth longer than four. It applies to downloads too.
const DEFAULT_JOBS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

impl BatchOptions {
    setters! {
        /// Sets the number of concurrent tasks.
        with_jobs(jobs: NonZeroUsize) = jobs;
        /// Sets the memory limit of the process in bytes.
        with_memory_bytes(memory_bytes: u64) = memory_bytes;
        /// Sets the bytes of one buffer.
        with_chunk_bytes(chunk_bytes: usize) = Some(chunk_bytes);
        /// Sets the maximum number of concurrent uploads to one target.
        with_uploads_per_target(uploads_per_target: NonZeroUsize) = Some(uploads_per_target);
        /// Sets how a failed task affects the rest of the batch.
        with_on_failure(on_failure: OnFailure) = on_failure;
        /// Sets the file of the journal.
        with_journal(journal: impl Into<PathBuf>) = Some(journal.into());
        /// Sets the retry policy of the requests for quotas.
        with_retry(retry: RetryOptions) = retry;
    }
}
