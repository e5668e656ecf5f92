//! The pushes of a batch: the state that they share, and how one of them runs.
//!
//! The [workers](super::worker) call it.

use std::sync::Arc;

use imgpush_source::Source;
use tokio_util::sync::CancellationToken;

use super::journal::{Journal, Key};
use super::journal_entry::{BothRecords, JournalEntry};
use super::options::BatchOptions;
use super::push_task::{BatchTarget, PushTask};
use super::shared_services::SharedServices;
use crate::caught::caught;
use crate::progress::Progress;
use crate::push::error::{PushError, PushFailure};
use crate::push::ledger::Records;
use crate::push::options::PushOptions;
use crate::push::report::Report;
use crate::push::target::Target;
use crate::push::{in_order, push};
use crate::resources::TransferResources;
use crate::transfer::TransferError;

/// The state that the pushes of a batch share.
pub(super) struct Pushes {
    /// The targets of tasks that have none of their own.
    targets: Vec<BatchTarget>,
    services: SharedServices,
    journal: Option<Arc<Journal>>,
}

impl Pushes {
    pub(super) fn new(
        targets: Vec<BatchTarget>,
        options: &BatchOptions,
        journal: Option<Arc<Journal>>,
    ) -> Self {
        Pushes { targets, services: SharedServices::new(options), journal }
    }

    /// Returns the number of results of a task.
    pub(super) fn results_of(&self, task: &PushTask) -> usize {
        if task.targets.is_empty() { self.targets.len() } else { task.targets.len() }
    }

    /// Runs one push. Returns one result for each target, in their order.
    pub(super) async fn run(
        &self,
        mut task: PushTask,
        progress: impl Fn(&str) -> Arc<dyn Progress>,
        resources: &TransferResources,
        cancel: &CancellationToken,
    ) -> Vec<Result<Report, PushError>> {
        let mut reached = Vec::new();
        // For each target its early error, or `None`.
        let mut unreached = Vec::new();
        for target in self.take_targets(&mut task) {
            match target {
                BatchTarget::Reached(target) => {
                    let progress = progress(target.cloud());
                    let mut target = target.with_progress(progress);
                    target.via = task.via.clone().unwrap_or(target.via);
                    reached.push(target);
                    unreached.push(None);
                }
                BatchTarget::Unreached { cloud, error } => {
                    let failure = PushFailure::Unreached { source: error };
                    unreached.push(Some(PushError::not_started(&task.name, &cloud, failure)));
                }
            }
        }
        let results = match reached.is_empty() {
            true => Vec::new(),
            false => self.push_caught(task, reached, resources, cancel).await,
        };
        in_order(unreached, results)
    }

    /// Runs the push. A panic before a record exists becomes an error for each target.
    async fn push_caught(
        &self,
        task: PushTask,
        targets: Vec<Target>,
        resources: &TransferResources,
        cancel: &CancellationToken,
    ) -> Vec<Result<Report, PushError>> {
        let name = task.name.clone();
        let clouds: Vec<_> = targets.iter().map(|target| target.cloud().to_owned()).collect();
        let pushed = caught(self.push(task, targets, resources, cancel)).await;
        pushed.unwrap_or_else(|reason| {
            let failure = || TransferError::Panicked { reason: reason.clone() }.into();
            let error = |cloud: &String| Err(PushError::not_started(&name, cloud, failure()));
            clouds.iter().map(error).collect()
        })
    }

    fn take_targets(&self, task: &mut PushTask) -> Vec<BatchTarget> {
        match task.targets.is_empty() {
            true => self.targets.clone(),
            false => std::mem::take(&mut task.targets),
        }
    }

    async fn push(
        &self,
        task: PushTask,
        mut targets: Vec<Target>,
        resources: &TransferResources,
        cancel: &CancellationToken,
    ) -> Vec<Result<Report, PushError>> {
        let PushTask { name, options, source, .. } = task;
        let opening = async {
            let source = source.open().await.map_err(TransferError::from)?;
            Ok::<_, TransferError>((source, self.services.admit(&mut targets).await))
        };
        let opened = tokio::select! {
            opened = opening => opened.map_err(Some),
            () = cancel.cancelled() => Err(None),
        };
        let (source, _admitted) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let failure = || error.clone().map_or(PushFailure::Interrupted, Into::into);
                let error = |target: &Target| Err(target.not_started(&name, failure()));
                return targets.iter().map(error).collect();
            }
        };
        let entries = self.entries(&name, &options, source.as_ref(), &mut targets);
        let mut results = push(&targets, &options, source, resources, cancel).await;
        for (entry, result) in entries.iter().zip(&mut results) {
            if let Ok(report) = result {
                entry.record_verification(report);
            }
        }
        results
    }

    /// Creates access to the journal for each target, and connects it with the target; empty without a
    /// journal.
    fn entries(
        &self,
        name: &str,
        options: &PushOptions,
        source: &dyn Source,
        targets: &mut [Target],
    ) -> Vec<JournalEntry> {
        let Some(journal) = &self.journal else { return Vec::new() };
        let entry = |target: &mut Target| {
            let image = target.overrides.name.clone().or_else(|| options.name.clone());
            let key = Key {
                source: name.to_owned(),
                name: image.or_else(|| source.image_name()).unwrap_or_default(),
                cloud: target.cloud().to_owned(),
            };
            let entry = JournalEntry::new(Arc::clone(journal), key, source.stamp());
            target.earlier = entry.earlier();
            let journal: Arc<dyn Records> = Arc::new(entry.clone());
            target.records = Some(match target.records.take() {
                Some(other) => Arc::new(BothRecords(journal, other)),
                None => journal,
            });
            entry
        };
        targets.iter_mut().map(entry).collect()
    }
}
