//! Starts a batch.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::handle::RunningBatch;
use super::journal::{Journal, JournalError};
use super::options::{BatchOptions, ProgressOf};
use super::task::BatchTask;
use super::worker::BatchWork;
use crate::progress::{NoProgress, Progress};
use crate::push::target::Target;

/// Pushes many images into one cloud, or each of them into several: those of its task, or of the batch.
///
/// As many as there are [jobs](BatchOptions::jobs) go at a time, each the way of a
/// [`MultiPush`](crate::MultiPush). They share the memory, the vector registers that hash them, and what the
/// services were asked: targets in the same project of the same service count as one. One that fails does not spoil the others.
///
/// The quotas of a project are asked for once, and what the batch takes of them is counted: an image for
/// which there is no room is refused before it is sent, and no more are uploaded at once than may be.
///
/// ```no_run
/// use futures_util::StreamExt as _;
/// use imgpush_engine::source::SourceOptions;
/// use imgpush_engine::{
///     Batch, BatchEvent, BatchOptions, BatchTask, CancellationToken, PushOptions, Target,
/// };
///
/// # async fn tour(north: Target, south: Target) -> Result<(), imgpush_engine::JournalError> {
/// let files = ["noble.qcow2", "bookworm.qcow2"];
/// let tasks = files
///     .map(|file| BatchTask::new(file, SourceOptions::default(), PushOptions::default()));
///
/// let mut running = Batch::new(BatchOptions::default())
///     .to(north)
///     .to(south)
///     .start(tasks, &CancellationToken::new())?;
/// while let Some(event) = running.next().await {
///     let BatchEvent::Ended(outcome) = event else { continue };
///     for result in &outcome.results {
///         match result {
///             Ok(report) => println!("{}: {} in {}", outcome.source, report.id, report.cloud),
///             Err(error) => println!("{error}; {}", error.outcome),
///         }
///     }
/// }
/// println!("{} of {} failed", running.summary().failed, files.len());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Batch {
    targets: Vec<Target>,
    options: BatchOptions,
    progress: ProgressOf,
}

impl Batch {
    /// A batch to nowhere yet.
    #[must_use]
    pub fn new(options: BatchOptions) -> Self {
        Batch { targets: Vec::new(), options, progress: Arc::new(|_, _, _| Arc::new(NoProgress)) }
    }

    /// Adds a target for the tasks that have none of their own.
    #[must_use]
    pub fn to(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Who hears of each image while it runs: asked when it begins, with its number from 0 and what it is
    /// read from, once for each target.
    #[must_use]
    pub fn with_progress(
        mut self,
        progress: impl Fn(usize, &str, &Target) -> Arc<dyn Progress> + Send + Sync + 'static,
    ) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// Starts to push, in the order of the tasks. Must be called inside an async runtime.
    ///
    /// Cancel through `cancel`: nothing else begins, and what runs ends as a cancelled
    /// [`MultiPush`](crate::MultiPush). Dropping what is returned is as good as dropping those.
    ///
    /// # Errors
    ///
    /// [`JournalError`]: what is proved could not be written down, so nothing is begun.
    ///
    /// # Panics
    ///
    /// When the system does not start a thread a core.
    pub fn start<T>(
        self,
        tasks: T,
        cancel: &CancellationToken,
    ) -> Result<RunningBatch, JournalError>
    where
        T: IntoIterator<Item = BatchTask>,
        T::IntoIter: Send + 'static,
    {
        self.start_stream(stream::iter(tasks), cancel)
    }

    /// The same with tasks that come while others run: the next one is asked for as soon as a job is free.
    ///
    /// # Errors
    ///
    /// As [`start`](Batch::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Batch::start).
    pub fn start_stream(
        self,
        tasks: impl Stream<Item = BatchTask> + Send + 'static,
        cancel: &CancellationToken,
    ) -> Result<RunningBatch, JournalError> {
        let Batch { targets, options, progress } = self;
        let journal = options.journal.as_deref().map(Journal::open).transpose()?;
        let work =
            BatchWork::new(targets, &options, journal, progress, tasks.boxed(), cancel.clone());
        Ok(RunningBatch::start(work, &options))
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
