//! The workers of a batch: each job runs one task at a time.
//!
//! [`RunningBatch`](super::handle::RunningBatch) starts as many of them as the batch has jobs. Each task ends
//! with exactly one event.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::stream::{BoxStream, Enumerate};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::event::{BatchEvent, Outcome, TaskResult};
use super::options::{OnFailure, ProgressOf, TaskTarget};
use super::pushes::Pushes;
use super::task::BatchTask;
use crate::progress::Progress;
use crate::pull::DownloadRun;
use crate::resources::{JobResources, TransferResources};

pub(super) type Tasks = BoxStream<'static, BatchTask>;

/// The state that the jobs share.
pub(super) struct BatchWork {
    pushes: Pushes,
    downloads: DownloadRun,
    progress: ProgressOf,
    waiting: Mutex<Enumerate<Tasks>>,
    on_failure: OnFailure,
    has_failed: AtomicBool,
    cancel: CancellationToken,
    pub(super) start: Instant,
}

impl BatchWork {
    pub(super) fn new(
        pushes: Pushes,
        progress: ProgressOf,
        tasks: Tasks,
        on_failure: OnFailure,
        cancel: &CancellationToken,
    ) -> Self {
        BatchWork {
            pushes,
            downloads: DownloadRun::default(),
            progress,
            waiting: Mutex::new(tasks.enumerate()),
            on_failure,
            has_failed: AtomicBool::new(false),
            cancel: cancel.child_token(),
            start: Instant::now(),
        }
    }

    /// Runs tasks one after the other, until none is left or the receiver of the events is dropped.
    pub(super) async fn run(
        self: Arc<Self>,
        resources: JobResources,
        events: mpsc::Sender<BatchEvent>,
    ) {
        let mut job = Job { work: &self, resources, push_resources: None };
        while let Some((number, task)) = self.next().await {
            let name = task.name().to_owned();
            let begun = self.start.elapsed();
            let event = BatchEvent::Begun { number, name: name.clone() };
            if events.send(event).await.is_err() {
                return;
            }
            let results = job.run(number, task).await;
            let outcome = Outcome { number, name, begun, results };
            let has_failed = !outcome.is_ok();
            if has_failed {
                self.has_failed.store(true, Ordering::Relaxed);
            }
            if events.send(BatchEvent::Ended(outcome)).await.is_err() {
                return;
            }
            // After the event, so that the failure is reported before the tasks that it cancels.
            if has_failed && self.on_failure == OnFailure::CancelAll {
                self.cancel.cancel();
            }
        }
    }

    /// Returns the number of missing results of the tasks that are available and not started.
    pub(super) fn give_up(&self) -> usize {
        // The lock is free, because no job is left.
        let Ok(mut waiting) = self.waiting.try_lock() else { return 0 };
        let not_started = std::iter::from_fn(|| waiting.next().now_or_never().flatten());
        let results = |task: BatchTask| match &task {
            BatchTask::Push(task) => self.pushes.results_of(task),
            BatchTask::Pull(_) | BatchTask::Verify(_) => 1,
        };
        not_started.map(|(_, task)| results(task)).sum()
    }

    async fn next(&self) -> Option<(usize, BatchTask)> {
        let next = async {
            let mut waiting = self.waiting.lock().await;
            let is_over =
                self.on_failure != OnFailure::Continue && self.has_failed.load(Ordering::Relaxed);
            if is_over { None } else { waiting.next().await }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            next = next => next,
        }
    }
}

/// One job: it runs one task at a time.
struct Job<'a> {
    work: &'a BatchWork,
    resources: JobResources,
    /// Kept between pushes, and released before another task uses the memory.
    push_resources: Option<TransferResources>,
}

impl Job<'_> {
    async fn run(&mut self, number: usize, task: BatchTask) -> Vec<TaskResult> {
        let cancel = &self.work.cancel;
        let name = task.name().to_owned();
        let progress = |cloud: &str| -> Arc<dyn Progress> {
            (self.work.progress)(TaskTarget { number, name: &name, cloud })
        };
        match task {
            BatchTask::Push(task) => {
                let resources =
                    self.push_resources.get_or_insert_with(|| self.resources.for_pushes());
                let results = self.work.pushes.run(task, progress, resources, cancel).await;
                results.into_iter().map(TaskResult::Push).collect()
            }
            BatchTask::Pull(task) => {
                self.push_resources = None;
                let progress = progress(task.cloud());
                let (run, resources) = (&self.work.downloads, self.resources.clone());
                vec![TaskResult::Pull(task.run(run, resources, progress, cancel).await)]
            }
            BatchTask::Verify(task) => {
                self.push_resources = None;
                let progress = progress(task.cloud());
                let (run, resources) = (&self.work.downloads, self.resources.clone());
                vec![TaskResult::Verify(task.run(run, resources, progress, cancel).await)]
            }
        }
    }
}
