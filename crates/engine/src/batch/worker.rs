//! A batch at work, seen from a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::stream::{BoxStream, Enumerate};
use futures_util::{FutureExt as _, StreamExt as _};
use imgpush_source::Source;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::event::{BatchEvent, Outcome};
use super::journal::{Journal, Key};
use super::journal_entry::Account;
use super::options::{BatchOptions, ProgressOf};
use super::shared_services::SharedServices;
use super::task::BatchTask;
use crate::push::error::{PushError, PushFailure};
use crate::push::options::PushOptions;
use crate::push::push;
use crate::push::report::Report;
use crate::push::target::Target;
use crate::resources::Workbench;
use crate::transfer::TransferError;

pub(super) type Tasks = BoxStream<'static, BatchTask>;

/// What the jobs share.
pub(super) struct BatchWork {
    /// Of the tasks that have none of their own.
    targets: Vec<Target>,
    services: SharedServices,
    journal: Option<Arc<Journal>>,
    progress: ProgressOf,
    waiting: Mutex<Enumerate<Tasks>>,
    is_failing_fast: bool,
    has_failed: AtomicBool,
    cancel: CancellationToken,
    pub(super) start: Instant,
}

impl BatchWork {
    pub(super) fn new(
        targets: Vec<Target>,
        options: &BatchOptions,
        journal: Option<Arc<Journal>>,
        progress: ProgressOf,
        tasks: Tasks,
        cancel: CancellationToken,
    ) -> Self {
        BatchWork {
            targets,
            services: SharedServices::new(options),
            journal,
            progress,
            waiting: Mutex::new(tasks.enumerate()),
            is_failing_fast: options.fail_fast,
            has_failed: AtomicBool::new(false),
            cancel,
            start: Instant::now(),
        }
    }

    /// Pushes one image after the other until there is none, or nobody listens any more.
    pub(super) async fn run(self: Arc<Self>, bench: Workbench, events: mpsc::Sender<BatchEvent>) {
        while let Some((number, task)) = self.next().await {
            let source = task.source.clone();
            let begun = self.start.elapsed();
            let event = BatchEvent::Begun { number, source: source.clone() };
            if events.send(event).await.is_err() {
                return;
            }
            let results = self.push(number, task, &bench).await;
            if results.iter().any(Result::is_err) {
                self.has_failed.store(true, Ordering::Relaxed);
            }
            let outcome = Outcome { number, source, begun, results };
            if events.send(BatchEvent::Ended(outcome)).await.is_err() {
                return;
            }
        }
    }

    /// The number of results that are missing, for the tasks that are there and that nobody has begun.
    pub(super) fn give_up(&self) -> usize {
        // No job is left that would have it.
        let Ok(mut waiting) = self.waiting.try_lock() else { return 0 };
        let unbegun = std::iter::from_fn(|| waiting.next().now_or_never().flatten());
        unbegun.map(|(_, task)| self.targets_of(&task).len()).sum()
    }

    fn targets_of<'t>(&'t self, task: &'t BatchTask) -> &'t [Target] {
        if task.targets.is_empty() { &self.targets } else { &task.targets }
    }

    async fn next(&self) -> Option<(usize, BatchTask)> {
        let next = async {
            let mut waiting = self.waiting.lock().await;
            let is_over = self.is_failing_fast && self.has_failed.load(Ordering::Relaxed);
            if is_over { None } else { waiting.next().await }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            next = next => next,
        }
    }

    async fn push(
        &self,
        number: usize,
        task: BatchTask,
        bench: &Workbench,
    ) -> Vec<Result<Report, PushError>> {
        let own_targets = self.targets_of(&task).to_vec();
        let BatchTask { source: name, options, opening, via, .. } = task;
        let mut targets: Vec<Target> = own_targets
            .into_iter()
            .map(|target| {
                let progress = (self.progress)(number, &name, &target);
                let mut target = target.with_progress(progress);
                target.via = via.clone().unwrap_or(target.via);
                target
            })
            .collect();
        let beginning = async {
            let source = opening().await.map_err(TransferError::from)?;
            Ok::<_, TransferError>((source, self.services.admit(&mut targets).await))
        };
        let begun = tokio::select! {
            begun = beginning => begun.map_err(Some),
            () = self.cancel.cancelled() => Err(None),
        };
        match begun {
            Ok((source, _admitted)) => {
                let accounts = self.accounts(&name, &options, source.as_ref(), &mut targets);
                let mut results = push(&targets, &options, source, bench, &self.cancel).await;
                for (account, result) in accounts.iter().zip(&mut results) {
                    if let Ok(report) = result {
                        account.proved(report);
                    }
                }
                results
            }
            Err(error) => {
                let failure = || error.clone().map_or(PushFailure::Interrupted, Into::into);
                let error =
                    |target: &Target| Err(PushError::not_started(&name, target.cloud(), failure()));
                targets.iter().map(error).collect()
            }
        }
    }

    /// What the journal knows of the image, for each target, which is told of it; none without a journal.
    fn accounts(
        &self,
        name: &str,
        options: &PushOptions,
        source: &dyn Source,
        targets: &mut [Target],
    ) -> Vec<Account> {
        let Some(journal) = &self.journal else { return Vec::new() };
        let account = |target: &mut Target| {
            let image = target.overrides.name.clone().or_else(|| options.name.clone());
            let key = Key {
                source: name.to_owned(),
                name: image.or_else(|| source.image_name()).unwrap_or_default(),
                cloud: target.cloud().to_owned(),
            };
            let account = Account::new(Arc::clone(journal), key, source.stamp());
            target.earlier = account.earlier();
            target.records = Some(Arc::new(account.clone()));
            account
        };
        targets.iter_mut().map(account).collect()
    }
}
