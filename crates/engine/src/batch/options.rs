//! How a batch goes.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use crate::progress::Progress;
use crate::resources::DEFAULT_MEMORY_BYTES;
use crate::retry::RetryOptions;
use crate::setters::setters;

/// One target of one task, which has a receiver of its progress.
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

/// What the failure of a task does to the rest of the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// Nothing: the other tasks are not affected.
    #[default]
    Continue,
    /// No other task starts. Those that run are completed.
    StartNoOther,
    /// No other task starts, and those that run are cancelled.
    CancelAll,
}

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
    /// What the failure of a task does to the rest.
    pub on_failure: OnFailure,
    /// The file that records which pushes have started and which images are verified. A later batch with the
    /// same file resumes from it. An image is identified by its source, its name and the name of the target.
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
            on_failure: OnFailure::default(),
            journal: None,
            retry: RetryOptions::default(),
        }
    }
}

/// As many as a small image service has workers: more wait there, and on the same CPUs eight took a tenth
/// longer than four. Downloads go so by default, too.
const DEFAULT_JOBS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

impl BatchOptions {
    setters! {
        /// Sets the number of images at a time.
        with_jobs(jobs: NonZeroUsize) = jobs;
        /// Sets the bytes of memory that the process should stay within.
        with_memory_bytes(memory_bytes: u64) = memory_bytes;
        /// Sets the bytes of one buffer.
        with_chunk_bytes(chunk_bytes: usize) = Some(chunk_bytes);
        /// Sets the most uploads at a time to one target.
        with_uploads_per_target(uploads_per_target: NonZeroUsize) = Some(uploads_per_target);
        /// Sets what the failure of a task does to the rest.
        with_on_failure(on_failure: OnFailure) = on_failure;
        /// Sets the file of the journal.
        with_journal(journal: impl Into<PathBuf>) = Some(journal.into());
        /// Sets the retry policy of the requests for quotas.
        with_retry(retry: RetryOptions) = retry;
    }
}
