//! The start of a batch.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use imgpush_client::Error as ClientError;
use tokio_util::sync::CancellationToken;

use super::handle::RunningBatch;
use super::journal::{Journal, JournalError};
use super::options::{BatchOptions, ProgressOf, TaskTarget};
use super::push_task::BatchTarget;
use super::pushes::Pushes;
use super::task::BatchTask;
use super::worker::BatchWork;
use crate::progress::{NoProgress, Progress};
use crate::push::target::Target;

/// Pushes, downloads and verifies many images.
///
/// As many tasks as there are [jobs](BatchOptions::jobs) run at a time: a [`PushTask`](super::PushTask) as a
/// [`MultiPush`](crate::MultiPush), a [`PullTask`](super::PullTask) as a [`Download`](crate::Download) to a
/// file, a [`VerifyTask`](super::VerifyTask) as a [`Verification`](crate::Verification). They share the
/// memory, and the SIMD lanes of the hashers. A failed task does not affect the others, unless
/// [`on_failure`](BatchOptions::on_failure) is set.
///
/// Each task has exactly one result for each of its targets. Pushes go to the targets of their task, or to
/// those of the batch. Targets in the same project of the same service share the responses to capability
/// queries. The quotas of a project are fetched once, and the batch counts its own usage. An image that would
/// exceed a quota is rejected before its upload, and the number of concurrent uploads stays within the quota.
///
/// ```no_run
/// use futures_util::StreamExt as _;
/// use imgpush_engine::source::SourceOptions;
/// use imgpush_engine::{
///     Batch, BatchEvent, BatchOptions, CancellationToken, PushOptions, PushTask, Target,
/// };
///
/// # async fn tour(north: Target, south: Target) -> Result<(), imgpush_engine::JournalError> {
/// let files = ["noble.qcow2", "bookworm.qcow2"];
/// let tasks = files
///     .map(|file| PushTask::new(file, SourceOptions::default(), PushOptions::default()));
///
/// let mut running = Batch::new(BatchOptions::default())
///     .to(north)
///     .to(south)
///     .start(tasks, &CancellationToken::new())?;
/// while let Some(event) = running.next().await {
///     let BatchEvent::Ended(outcome) = event else { continue };
///     for result in outcome.pushes() {
///         match result {
///             Ok(report) => println!("{}: {} in {}", outcome.name, report.id, report.cloud),
///             Err(error) => println!("{error}; {}", error.outcome),
///         }
///     }
/// }
/// println!("{} of {} failed", running.summary().failed, files.len());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Batch {
    targets: Vec<BatchTarget>,
    options: BatchOptions,
    progress: ProgressOf,
}

impl Batch {
    /// Creates a batch without a target for pushes.
    #[must_use]
    pub fn new(options: BatchOptions) -> Self {
        Batch { targets: Vec::new(), options, progress: Arc::new(|_| Arc::new(NoProgress)) }
    }

    /// Adds a target for the pushes that have none of their own.
    #[must_use]
    pub fn to(mut self, target: Target) -> Self {
        self.targets.push(BatchTarget::Reached(target));
        self
    }

    /// Adds a target whose login failed. Each push to the targets of the batch gets this error as its result
    /// there; the other targets are not affected.
    #[must_use]
    pub fn to_unreached(mut self, cloud: impl Into<String>, error: ClientError) -> Self {
        let (cloud, error) = (cloud.into(), Arc::new(error));
        self.targets.push(BatchTarget::Unreached { cloud, error });
        self
    }

    /// Sets the function that returns the progress receiver of a task. It is called once for each target
    /// whose login succeeded, when the task starts.
    #[must_use]
    pub fn with_progress(
        mut self,
        progress: impl Fn(TaskTarget<'_>) -> Arc<dyn Progress> + Send + Sync + 'static,
    ) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// Starts the tasks in their order. Must be called inside an async runtime.
    ///
    /// Cancel through `cancel`: no other task starts, and running tasks end as a cancelled
    /// [`MultiPush`](crate::MultiPush) or [`Download`](crate::Download) does. Dropping the returned batch
    /// drops the running tasks.
    ///
    /// # Errors
    ///
    /// Returns a [`JournalError`] if the journal cannot be used. No task was started then.
    pub fn start<T>(
        self,
        tasks: T,
        cancel: &CancellationToken,
    ) -> Result<RunningBatch, JournalError>
    where
        T: IntoIterator<Item: Into<BatchTask>>,
        T::IntoIter: Send + 'static,
    {
        self.start_stream(stream::iter(tasks), cancel)
    }

    /// Starts tasks from a stream. The next task is polled as soon as a job is free.
    ///
    /// # Errors
    ///
    /// As [`start`](Batch::start).
    pub fn start_stream(
        self,
        tasks: impl Stream<Item: Into<BatchTask>> + Send + 'static,
        cancel: &CancellationToken,
    ) -> Result<RunningBatch, JournalError> {
        let Batch { targets, options, progress } = self;
        let journal = options.journal.as_deref().map(Journal::open).transpose()?;
        let damage = journal.as_ref().and_then(|journal| journal.damage()).map(str::to_owned);
        let pushes = Pushes::new(targets, &options, journal);
        let tasks = tasks.map(Into::into).boxed();
        let work = BatchWork::new(pushes, progress, tasks, options.on_failure, cancel);
        Ok(RunningBatch::start(work, &options, damage))
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("targets", &self.targets)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
