//! The upload of one image to one target.
//!
//! `push` creates the jobs; [`passes`](crate::transfer::passes) calls them through [`Participant`].
//! [`existing`] and [`plan`] precede the upload, [`claim`] and [`record`] get the record, [`settle`] and
//! [`publish`] follow the upload, [`retire`] handles replaced images. A job ends with a verified image, or
//! deletes its record and returns an error.

mod claim;
mod conversion;
mod derived_id;
mod earlier;
mod existing;
mod plan;
mod publish;
mod record;
mod retire;
mod settle;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use imgpush_client::{
    Error as ClientError, Image, Import, NewImage, Status, UploadOptions, WaitOptions,
};
use imgpush_formats::{Finding, FindingId, Severity};
use tracing::Instrument as _;

use self::conversion::not_viewed;
use self::derived_id::MOST_IDS;
use self::publish::Activation;
use self::state::{Existing, JobStage, JobStep, Prepared, Record};
pub(crate) use self::state::{Seen, SourceFacts, UploadJob};
use crate::caught::caught;
use crate::integrity::Produced;
use crate::integrity::compare::{self, Verdict};
use crate::integrity::produced::shown;
use crate::integrity::{IntegrityError, VerifiedBy};
use crate::progress::{Phase, Progress};
use crate::push::PushOptions;
use crate::push::error::{PushError, PushFailure, RecordOutcome};
use crate::push::format_check::{FormatGate, failure_of};
use crate::push::ownership::Ownership;
use crate::push::quota::Share;
use crate::push::recovery::{
    RecordState, Retries, RetryAction, cannot_verify, read_once, retry_action, retrying,
};
use crate::push::report::{Note, NoteId, PushAction, Report};
use crate::push::target::{Target, Via};
use crate::timing::{Step, Timing};
use crate::transfer::TransferError;
use crate::transfer::branch::Branch;
use crate::transfer::gate::TailGate;
use crate::transfer::passes::{Participant, Want};
use crate::transfer::sink::ImageData;
use crate::transfer::upload::{StoredData, Upload, UploadFailure, UploadTimeouts, stored_data};

impl<'a> UploadJob<'a> {
    pub(crate) fn new(
        target: &'a Target,
        options: &'a PushOptions,
        source_facts: &'a SourceFacts,
        image: NewImage,
    ) -> Self {
        UploadJob {
            target,
            options,
            source_facts,
            service: target.service.clone().unwrap_or_default(),
            wanted_name: image.name().unwrap_or_default().to_owned(),
            image,
            existing: Existing::default(),
            id: String::new(),
            id_number: None,
            record: Record::None,
            // The last number is for a random id.
            ownership: Ownership::new(if options.id.is_some() { 1 } else { MOST_IDS + 1 }),
            token: uuid::Uuid::new_v4().to_string(),
            may_be_complete: AtomicBool::new(false),
            stage: JobStage::Uninspected(None),
            is_verified: false,
            retries: Retries::new(&options.retry),
            not_before: None,
            attempts: 0,
            notes: Vec::new(),
            raw_view: None,
            watch: source_facts.watch.with_same_start(),
        }
    }

    /// Ends an unfinished job after a cancellation.
    pub(crate) async fn interrupt(&mut self) {
        if !self.is_over() {
            self.give_up(PushFailure::Interrupted, true).await;
        }
    }

    /// Ends the job after a panic in one of its futures, or in another job of the same push.
    pub(crate) async fn panicked(&mut self, reason: &str) {
        if self.is_over() {
            return;
        }
        let failure = || TransferError::Panicked { reason: reason.to_owned() }.into();
        // The receiver of the progress events may panic again.
        if caught(self.give_up(failure(), false)).await.is_err() && !self.is_over() {
            let mut error =
                PushError::not_started(&self.source_facts.name, self.target.cloud(), failure());
            if self.record != Record::None {
                let reason = "the push ended with an internal error".to_owned();
                error.outcome = RecordOutcome::Left { id: self.id.clone(), reason };
            }
            self.stage = JobStage::Ended(Box::new(Err(error)));
        }
    }

    /// Whether the job has ended.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, JobStage::Ended(_))
    }

    pub(crate) fn into_result(self) -> Result<Report, PushError> {
        match self.stage {
            JobStage::Ended(result) => *result,
            _ => unreachable!("the job ends with the passes or with an interruption"),
        }
    }

    async fn send(&mut self, branch: Branch) -> Result<Produced, UploadFailure> {
        self.attempts += 1;
        let mut options = UploadOptions::sized(self.source_facts.size);
        options.store = self.target.first_store().map(str::to_owned);
        let upload = Upload {
            client: &self.target.client,
            id: &self.id,
            data: self.data(),
            options,
            size: self.source_facts.size,
            timeouts: UploadTimeouts {
                idle_timeout: self.options.idle_timeout,
                finish_timeout: self.options.finish_timeout,
                settle_timeout: self.retries.settle_timeout(self.options.settle_timeout),
            },
            progress: &self.target.progress,
            traffic: Some(&self.service.traffic),
            watch: &self.watch,
            // Staged data becomes an image only by its import.
            may_be_complete: match self.data() {
                ImageData::File => Some(&self.may_be_complete),
                ImageData::Stage => None,
            },
        };
        let span = tracing::info_span!("attempt", image = self.id, number = self.attempts);
        upload.run(branch).instrument(span).await
    }

    /// Returns which data of the image is uploaded.
    fn data(&self) -> ImageData {
        match self.target.via {
            Via::Import => ImageData::Stage,
            _ => ImageData::File,
        }
    }

    /// Checks whether an attempt that seemed to fail has stored the data.
    async fn earlier_attempt(&self) -> Result<StoredData, UploadFailure> {
        if self.record != Record::Made || self.attempts == 0 {
            return Ok(StoredData::Nothing);
        }
        let time_limit = self.options.settle_timeout;
        stored_data(&self.target.client, &self.id, self.data(), time_limit).await
    }

    /// Prepares a retry if the failure allows one; ends the job otherwise.
    async fn recover(&mut self, failure: PushFailure, status: Option<Status>) {
        let record = RecordState {
            status: status.as_ref(),
            is_replaceable: self.existing.derivation.is_some(),
            may_be_complete: self.may_be_complete.load(Ordering::Relaxed),
        };
        let retry_action = retry_action(&failure, &record);
        let pause = match retry_action {
            RetryAction::None => None,
            _ => self.retries.grant(retry_action, &failure),
        };
        let Some(pause) = pause.filter(|_| !self.is_source_gone(&failure)) else {
            return self.fail(failure).await;
        };
        let is_prepared = match retry_action {
            RetryAction::NewToken => self.renew().await,
            RetryAction::NewRecord => self.replace(status.as_ref()).await.map(|()| true),
            RetryAction::SameRecord | RetryAction::None => Ok(true),
        };
        match is_prepared {
            Ok(true) => {}
            Ok(false) => return self.fail(failure).await,
            Err(worse) => return self.fail(worse).await,
        }
        self.pause(&failure, pause);
        self.set_step(JobStep::Sending(Some(failure)));
    }

    /// Whether the source failed and cannot be read again.
    fn is_source_gone(&self, failure: &PushFailure) -> bool {
        failure.source_error().is_some() && !self.source_facts.can_be_read_again
    }

    /// Sets the time of the next pass, and reports the retry.
    fn pause(&mut self, failure: &PushFailure, pause: Duration) {
        let retrying = retrying(&self.target.cloud, failure, pause, &self.retries);
        tracing::warn!(reason = retrying.reason, ?pause, "retrying the upload");
        self.notes.push(Note { id: NoteId::Retried, text: retrying.reason.clone() });
        self.target.progress.retrying(&retrying);
        self.watch.retrying();
        self.not_before = Some(tokio::time::Instant::now() + pause);
    }

    /// Renews a rejected token; `false` if the login cannot be repeated.
    async fn renew(&self) -> Result<bool, PushFailure> {
        let client = &self.target.client;
        let retry = &self.options.retry;
        let renewed = retry.call("the login", ClientError::is_transient, || client.renew());
        renewed.await.map_err(|source| PushFailure::Client { during: "renew the token", source })
    }

    /// Imports the data, if the upload method requires it, and verifies the image.
    async fn after_upload(&mut self, produced: Produced) -> Result<(), PushFailure> {
        self.import().await?;
        self.compare(produced).await
    }

    /// Requests the import and waits for its end.
    async fn import(&mut self) -> Result<(), PushFailure> {
        let Some(import) = self.target.import() else { return Ok(()) };
        let before = self.fetch().await?;
        self.may_be_complete.store(true, Ordering::Relaxed);
        let imported = self.run_import(&before, &import).await;
        imported.map(drop).map_err(|source| {
            // The import is over: the service has reported its failure, or rejected it.
            let is_over = matches!(source, ClientError::ImportFailed { .. })
                || (source.answer().is_some() && !source.is_transient());
            self.may_be_complete.store(!is_over, Ordering::Relaxed);
            PushFailure::Client { during: "import the image", source }
        })
    }

    /// Compares the image with the digests of the source.
    async fn compare(&mut self, produced: Produced) -> Result<(), PushFailure> {
        self.enter(Phase::Verifying);
        let (image, activation) = self.settled().await?;
        if self.existing.produced.as_ref().is_some_and(|earlier| !is_same(earlier, &produced)) {
            self.ownership.differs();
            return Err(changed());
        }
        let verdict = compare::compare(&image, &produced);
        if let (Err(IntegrityError::Mismatch { .. }), Some(conversion)) =
            (&verdict, self.conversion(&image))
        {
            return Box::pin(self.compare_converted(&image, &conversion)).await;
        }
        // Ends the thread that computes it.
        self.raw_view = None;
        match self.checked_verdict(verdict)? {
            Verdict::Verified(by) => self.finish_verified(image, by, &produced, &activation).await,
            Verdict::Needs(algorithm) => {
                tracing::info!(%algorithm, "reading the source again for the hash algorithm of the service");
                self.set_step(JobStep::Comparing(Some((algorithm, produced))));
                Ok(())
            }
        }
    }

    /// Finishes with an image that was verified: publishes it, copies it, retires replaced images.
    async fn finish_verified(
        &mut self,
        image: Image,
        by: Vec<VerifiedBy>,
        produced: &Produced,
        activation: &Activation,
    ) -> Result<(), PushFailure> {
        self.is_verified = true;
        let Some(image) = self.publish(image, produced, activation).await? else {
            return Ok(());
        };
        let image = self.copy(image).await?;
        self.retire(image.id()).await?;
        let report = self.report(&image, by, Some(produced));
        self.finish(Ok(report));
        Ok(())
    }

    /// Copies the verified image to further stores.
    async fn copy(&self, image: Image) -> Result<Image, PushFailure> {
        let Some(import) = self.target.copies() else { return Ok(image) };
        let copied = self.run_import(&image, &import).await;
        copied.map_err(|source| PushFailure::NotCopied { source })
    }

    /// Requests an import and waits for its end. Retries while the service or a proxy is overloaded. If the
    /// service had accepted an earlier request, a retry waits for that import.
    async fn run_import(&self, before: &Image, import: &Import) -> Result<Image, ClientError> {
        self.enter(Phase::Importing);
        let client = &self.target.client;
        let wait = WaitOptions::default()
            .with_timeout(self.options.import_timeout)
            .with_may_lose_stores(import.may_lose_stores());
        let tries = AtomicU32::new(0);
        let retry = self.options.retry.for_small_calls();
        let importing = retry.call("the import", ClientError::is_overload, || async {
            let tries = tries.fetch_add(1, Ordering::Relaxed);
            match client.import_and_wait(before, import, &wait).await {
                Err(ClientError::Conflict(_)) if tries > 0 => client.wait(before, &wait).await,
                done => done,
            }
        });
        importing.await
    }

    /// Records the result of the comparison. An image with other bytes will be deleted.
    fn checked_verdict(
        &mut self,
        verdict: Result<Verdict, IntegrityError>,
    ) -> Result<Verdict, PushFailure> {
        match &verdict {
            Err(IntegrityError::Mismatch { field: "status", .. }) => {
                // The image has failed, or was deleted: no run can accept it.
                self.may_be_complete.store(false, Ordering::Relaxed);
            }
            Err(IntegrityError::Mismatch { .. } | IntegrityError::WronglyConverted { .. }) => {
                self.ownership.differs();
            }
            _ => {}
        }
        Ok(verdict?)
    }

    /// Fetches the record before its import. All data is uploaded, so transient errors are retried.
    async fn fetch(&self) -> Result<Image, PushFailure> {
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let fetch = || client.image(&self.id);
        let fetched = retry.call("the request for the image", ClientError::is_transient, fetch);
        fetched.await.map_err(|source| PushFailure::Client {
            during: "fetch the image to verify it",
            source,
        })
    }

    async fn fail(&mut self, failure: PushFailure) {
        self.give_up(failure, false).await;
    }

    async fn give_up(&mut self, failure: PushFailure, is_hurried: bool) {
        // A job that was already failing reports that failure, also if it is interrupted.
        let share = self.take_share();
        let failure = match std::mem::replace(&mut self.stage, JobStage::Uninspected(None)) {
            JobStage::Failing { failure, .. } => failure,
            _ => failure,
        };
        let is_kept = self.is_verified || matches!(failure, PushFailure::NotCopied { .. });
        self.watch.enter(Some(Step::Remove));
        self.stage = JobStage::Failing { failure, share };
        let outcome = self.dispose(is_kept, is_hurried).await;
        if !matches!(outcome, RecordOutcome::NoRecord | RecordOutcome::Removed { .. }) {
            self.take_share().into_iter().for_each(Share::keep);
        }
        let timing = Box::new(self.timing());
        let JobStage::Failing { failure, .. } =
            std::mem::replace(&mut self.stage, JobStage::Uninspected(None))
        else {
            unreachable!("the stage was set above");
        };
        self.finish(Err(PushError {
            source_name: self.source_facts.name.as_str().into(),
            cloud: self.target.cloud.as_str().into(),
            attempts: self.attempts,
            failure: Box::new(failure),
            outcome,
            timing,
        }));
    }

    /// The log span around all events of the job.
    fn span(&self) -> tracing::Span {
        tracing::info_span!("target", cloud = self.target.cloud)
    }

    fn timing(&self) -> Timing {
        Timing::of(&self.source_facts.watch, &self.watch, self.source_facts.is_alone)
    }

    fn enter(&self, phase: Phase) {
        tracing::info!("{}", phase.name());
        self.watch.enter(match phase {
            Phase::Preflight => Some(Step::Preflight),
            Phase::Creating => Some(Step::Create),
            Phase::Importing => Some(Step::Import),
            Phase::Verifying => Some(Step::Verify),
            Phase::Removing => Some(Step::Remove),
            _ => None,
        });
        self.target.progress.phase(phase);
    }

    /// Creates the report of a verified image, with the digests of the source if it was read.
    fn report(
        &mut self,
        image: &Image,
        by: Vec<VerifiedBy>,
        produced: Option<&Produced>,
    ) -> Report {
        self.take_share().into_iter().for_each(Share::keep);
        let mut notes = std::mem::take(&mut self.notes);
        if let (None, JobStage::Prepared(prepared)) = (&self.existing.action, &self.stage) {
            notes.extend(notes_on(prepared, image.virtual_size()));
            // It is no longer compressed.
            if notes.iter().any(|note| note.id == NoteId::Decompressed) {
                notes.retain(|note| note.id != NoteId::Finding(FindingId::Compressed));
            }
        }
        if let Some(bytes) = produced.map(|read| read.ignored_bytes).filter(|bytes| *bytes > 0) {
            let text = format!("{bytes} bytes after the compressed data were ignored");
            notes.push(Note { id: NoteId::IgnoredBytes, text });
        }
        Report {
            id: image.id().to_owned(),
            action: self.existing.action.unwrap_or(PushAction::Pushed),
            replaced: std::mem::take(&mut self.existing.replaced),
            name: image.name().map(str::to_owned),
            status: image.status(),
            size: image.size(),
            virtual_size: image.virtual_size(),
            detected_virtual_size: self.inspection().and_then(|seen| seen.virtual_size),
            disk_format: image.disk_format().map(str::to_owned),
            container_format: image.container_format().map(str::to_owned),
            checksum: image.checksum().map(str::to_owned),
            os_hash_algo: image.hash_algo().map(str::to_owned),
            os_hash_value: image.hash_value().map(str::to_owned),
            stores: image.stores().iter().map(|store| (*store).to_owned()).collect(),
            verified: !by.is_empty(),
            verified_by: by,
            digests: produced.map(|read| shown(&read.digests)).unwrap_or_default(),
            source: self.source_facts.name.clone(),
            provenance: produced.map(|read| read.provenance.clone()).unwrap_or_default(),
            cloud: self.target.cloud.clone(),
            via: self.target.via.method(),
            attempts: self.attempts,
            notes,
            timing: self.timing(),
        }
    }
}

impl Participant for UploadJob<'_> {
    fn want(&self) -> Want {
        let step = match &self.stage {
            JobStage::Prepared(prepared) => &prepared.step,
            JobStage::Unprepared(job) => return job.comparison.want(),
            _ => return Want::Nothing,
        };
        match step {
            JobStep::Sending(_) => Want::Data,
            JobStep::Fetching | JobStep::Comparing(None) => Want::Digests(None),
            JobStep::Comparing(Some((algorithm, _))) => Want::Digests(Some(*algorithm)),
            JobStep::ComparingView(view, algorithm) => Want::View(*view, *algorithm),
            JobStep::PendingComparison(comparison) => comparison.want(),
        }
    }

    fn gate(&mut self) -> Option<Box<dyn TailGate>> {
        let JobStage::Prepared(prepared) = &mut self.stage else { return None };
        let (gate, verdict) = FormatGate::on(prepared.claim.clone());
        prepared.verdict = verdict;
        Some(self.tap(gate))
    }

    fn not_before(&self) -> Option<tokio::time::Instant> {
        self.not_before
    }

    fn progress(&self) -> &Arc<dyn Progress> {
        &self.target.progress
    }

    async fn take_part(&mut self, branch: Branch) {
        let span = self.span();
        self.upload_branch(branch).instrument(span).await;
    }

    async fn digested(&mut self, produced: &Produced) {
        let span = self.span();
        self.continue_with(produced).instrument(span).await;
    }

    async fn retry_digests(&mut self, error: TransferError) {
        let failure = error.into();
        match self.retries.grant(RetryAction::SameRecord, &failure) {
            Some(pause) if !self.is_source_gone(&failure) => self.pause(&failure, pause),
            _ => self.fail(failure).await,
        }
    }

    async fn end(&mut self, error: TransferError) {
        let span = self.span();
        if let Some(comparison) = self.take_view_comparison() {
            let continued = self.continue_without_view(comparison, &error).instrument(span).await;
            if let Err(failure) = continued {
                self.fail(failure).await;
            }
            return;
        }
        let step = match &mut self.stage {
            JobStage::Ended(_) | JobStage::Failing { .. } => return,
            JobStage::Prepared(job) => std::mem::replace(&mut job.step, JobStep::Fetching),
            _ => JobStep::Fetching,
        };
        let failure: PushFailure = match (error, step) {
            (error, JobStep::ComparingView(view, _)) => not_viewed(view, &error),
            (TransferError::ReadOnce { name, .. }, JobStep::Sending(Some(failure))) => {
                read_once(name, failure)
            }
            (TransferError::ReadOnce { name, .. }, JobStep::Comparing(Some((algorithm, _)))) => {
                cannot_verify(format!(
                    "the server hashes with {algorithm}, and {name} can be read only once"
                ))
            }
            (TransferError::ReadOnce { name, .. }, _) => {
                cannot_verify(format!("{name} cannot be read any more"))
            }
            (error, _) => error.into(),
        };
        self.fail(failure).await;
    }
}

impl UploadJob<'_> {
    /// Uploads the data of a branch, and continues with the next step.
    async fn upload_branch(&mut self, branch: Branch) {
        let branch = match self.claim(Some(branch)).await {
            Ok(Some(branch)) => branch,
            Ok(None) => return,
            Err(failure) => return self.recover(failure, None).await,
        };
        let sent = match self.earlier_attempt().await {
            Ok(StoredData::Nothing) => self.send(branch).await,
            // The image has all data; digests are needed for the comparison.
            Ok(StoredData::All(_)) => return self.set_step(JobStep::Comparing(None)),
            Err(failed) => Err(failed),
        };
        let JobStage::Prepared(prepared) = &mut self.stage else { return };
        match sent {
            Ok(produced) => {
                if let Some(Ok(examined)) = prepared.verdict.get() {
                    prepared.examined = examined.clone();
                }
                if let Err(failure) = self.after_upload(produced).await {
                    self.fail(failure).await;
                }
            }
            Err(UploadFailure { error, status }) => {
                let failure = failure_of(error, &prepared.verdict);
                self.recover(failure, status).await;
            }
        }
    }

    /// Continues the step that waited for these digests.
    async fn continue_with(&mut self, produced: &Produced) {
        let step = match &mut self.stage {
            JobStage::Unprepared(job) => {
                JobStep::PendingComparison(std::mem::take(&mut job.comparison))
            }
            JobStage::Prepared(job) => std::mem::replace(&mut job.step, JobStep::Fetching),
            _ => return,
        };
        let done = match step {
            JobStep::Comparing(Some((_, first))) if !is_same(&first, produced) => Err(changed()),
            JobStep::Comparing(Some(_)) => self.compare(produced.clone()).await,
            JobStep::Comparing(None) => self.after_upload(produced.clone()).await,
            JobStep::ComparingView(view, _) => self.compare_view(view, produced).await,
            JobStep::PendingComparison(comparison) => {
                self.compare_candidates(comparison, produced).await
            }
            JobStep::Fetching | JobStep::Sending(_) => self.fetched(produced).await,
        };
        if let Err(failure) = done {
            self.fail(failure).await;
        }
    }

    /// Lets the service download the source, which is verified.
    async fn fetched(&mut self, produced: &Produced) -> Result<(), PushFailure> {
        self.claim(None).await?;
        if self.record != Record::Made || self.is_over() {
            return Ok(());
        }
        self.attempts += 1;
        self.after_upload(produced.clone()).await
    }
}

fn changed() -> PushFailure {
    cannot_verify("the source had other data when it was read again".to_owned())
}

/// Whether two passes read the same bytes, according to all digests that both have.
fn is_same(first: &Produced, second: &Produced) -> bool {
    first.bytes == second.bytes && compare::same_bytes(&first.digests, &second.digests)
}

/// Returns the notes of a pushed image: findings of the inspection, and an unexpected virtual size.
fn notes_on(prepared: &Prepared, virtual_size: Option<u64>) -> Vec<Note> {
    let Prepared { claim, examined, .. } = prepared;
    let is_note = |f: &&Finding| f.severity >= Severity::Warning && claim.concerns(f.id);
    let warnings = examined.inspection.findings.iter().filter(is_note);
    let mut notes: Vec<_> =
        warnings.map(|f| Note { id: NoteId::Finding(f.id), text: f.text.clone() }).collect();
    if claim.is_unrecognised(&examined.inspection) && notes.is_empty() {
        let text = "no known format was recognised; the image was uploaded as a raw disk";
        notes.push(Note { id: NoteId::Unrecognised, text: text.to_owned() });
    }
    if let (Some(found), Some(expected)) = (virtual_size, examined.verdict.virtual_size())
        && found != expected
    {
        let text = format!("the service reports virtual_size {found}, expected {expected}");
        notes.push(Note { id: NoteId::VirtualSize, text });
    }
    notes
}
