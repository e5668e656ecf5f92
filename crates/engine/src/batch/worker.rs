//! A batch at work, seen from a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::stream::{BoxStream, Enumerate};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{Mutex, OnceCell, Semaphore, SemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::event::{BatchEvent, Outcome};
use super::journal::{Journal, Key};
use super::journal_entry::Account;
use super::options::{BatchOptions, ProgressOf};
use super::task::BatchTask;
use crate::push::error::{PushError, PushFailure, RecordOutcome};
use crate::push::options::PushOptions;
use crate::push::push;
use crate::push::report::Report;
use crate::push::service::CapabilityQuery;
use crate::push::target::Target;
use crate::resources::Workbench;
use crate::retry::RetryOptions;
use crate::timing::Timing;
use crate::transfer::TransferError;
use imgpush_source::Source;

pub(super) type Tasks = BoxStream<'static, BatchTask>;

/// What the jobs share.
pub(super) struct BatchWork {
    targets: Vec<Target>,
    /// What lets uploads into each target, where their number is limited; none for a job that is alone.
    gates: Vec<OnceCell<Option<Semaphore>>>,
    retry: RetryOptions,
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
        let has_others = options.jobs.get() > 1;
        BatchWork {
            gates: targets.iter().filter(|_| has_others).map(|_| OnceCell::new()).collect(),
            targets,
            retry: options.retry.clone(),
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

    /// The number of tasks that are there and that nobody has begun.
    pub(super) fn give_up(&self) -> usize {
        // No job is left that would have it.
        let Ok(mut waiting) = self.waiting.try_lock() else { return 0 };
        std::iter::from_fn(|| waiting.next().now_or_never().flatten()).count()
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
        let BatchTask { source: name, options, opening, via } = task;
        let mut targets: Vec<Target> = self
            .targets
            .iter()
            .map(|target| {
                let progress = (self.progress)(number, &name, target);
                let mut target = target.clone().with_progress(progress);
                target.via = via.clone().unwrap_or(target.via);
                target
            })
            .collect();
        let beginning = async {
            let source = opening().await.map_err(TransferError::from)?;
            Ok::<_, TransferError>((source, self.admitted().await))
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
                targets.iter().map(|target| Err(not_started(&name, target, failure()))).collect()
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
        let image = options.name.clone().or_else(|| source.image_name()).unwrap_or_default();
        let account = |target: &mut Target| {
            let key = Key {
                source: name.to_owned(),
                name: image.clone(),
                cloud: target.cloud().to_owned(),
            };
            let account = Account::new(Arc::clone(journal), key, source.stamp());
            target.earlier = account.earlier();
            target.records = Some(Arc::new(account.clone()));
            account
        };
        targets.iter_mut().map(account).collect()
    }

    /// Waits until there may be one more upload into each target. All jobs ask in the same order, so none
    /// has what another waits for while it waits itself for what that one has.
    async fn admitted(&self) -> Vec<SemaphorePermit<'_>> {
        let mut permits = Vec::new();
        for (target, gate) in self.targets.iter().zip(&self.gates) {
            let service = target.service.as_deref().expect("a batch gives each target one");
            let asking = CapabilityQuery { service, client: &target.client, retry: &self.retry };
            let gate = gate.get_or_init(|| async {
                // Where that fails, so will the push, and says it.
                asking.uploads().await.ok().flatten().map(Semaphore::new)
            });
            if let Some(gate) = gate.await {
                permits.push(gate.acquire().await.expect("it is never closed"));
            }
        }
        permits
    }
}

/// The result of a target for a source that did not open, or whose turn never came.
fn not_started(source_name: &str, target: &Target, failure: PushFailure) -> PushError {
    PushError {
        source_name: source_name.into(),
        cloud: target.cloud().into(),
        attempts: 0,
        failure: Box::new(failure),
        outcome: RecordOutcome::NoRecord,
        timing: Box::new(Timing::unbegun()),
    }
}
