//! Staging: the upload of data that a later import takes over.
//!
//! Callers of the crate use [`Staging`], `imgpush` for its command `image stage`. The record of the image is
//! never deleted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imgpush_client::{Image, ImageClient, ImageSchema, Status, UploadOptions};
use imgpush_formats::ImageFormatSettings;
use imgpush_source::Source;
use imgpush_source::SourceError;
use tokio_util::sync::CancellationToken;

use crate::inspect::sniff;
use crate::integrity::IntegrityError;
use crate::integrity::Produced;
use crate::integrity::produced::shown;
use crate::progress::{NoProgress, Phase, Progress};
use crate::push::error::{PushFailure, StagingError};
use crate::push::format_check::{Claim, FormatGate, GateVerdict, failure_of};
use crate::push::preflight;
use crate::push::recovery::{
    RecordState, Retries, RetryAction, cannot_verify, read_once, retry_action, retrying,
};
use crate::push::report::StagingReport;
use crate::push::service::{CapabilityQuery, Service};
use crate::resources::JobResources;
use crate::retry::RetryOptions;
use crate::setters::setters;
use crate::timing::Stopwatch;
use crate::transfer::Slowest;
use crate::transfer::TransferError;
use crate::transfer::branch::Branch;
use crate::transfer::gate::TailGate;
use crate::transfer::passes;
use crate::transfer::passes::{Participant, PassContext, Want};
use crate::transfer::sink::ImageData;
use crate::transfer::upload::{StoredData, Upload, UploadFailure, UploadTimeouts, stored_data};

/// Options of [`Staging`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StagingOptions {
    /// The size of a source of unknown size. The service rejects any other number of bytes.
    pub size: Option<u64>,
    /// Whether to send data that does not match the record, is damaged, or would be rejected by the import.
    /// Data that refers to other files is always rejected.
    pub force_format: bool,
    /// The known settings of the section `[image_format]` of the service. The lists of formats that the
    /// service itself publishes take precedence.
    pub image_format: ImageFormatSettings,
    /// The memory limit of the process in bytes.
    pub memory_bytes: u64,
    /// The time-out of a connection that accepts no data while there is data to send.
    pub idle_timeout: Duration,
    /// The time-out of the response after the last byte.
    pub finish_timeout: Duration,
    /// How long the server may take to notice the end of an upload before a retry.
    pub settle_timeout: Duration,
    /// The retry policy.
    pub retry: RetryOptions,
}

impl Default for StagingOptions {
    fn default() -> Self {
        StagingOptions {
            size: None,
            force_format: false,
            image_format: ImageFormatSettings::default(),
            memory_bytes: 64 << 20,
            idle_timeout: Duration::from_secs(60),
            finish_timeout: Duration::from_secs(600),
            settle_timeout: Duration::from_secs(60),
            retry: RetryOptions::default(),
        }
    }
}

impl StagingOptions {
    setters! {
        /// Sets the size of a source of unknown size, in bytes.
        with_size(size: u64) = Some(size);
        /// Sets whether data is sent although it does not match the record.
        with_force_format(force_format: bool) = force_format;
        /// Sets the known settings of the section `[image_format]` of the service.
        with_image_format(image_format: ImageFormatSettings) = image_format;
        /// Sets the memory limit of the process in bytes.
        with_memory_bytes(memory_bytes: u64) = memory_bytes;
        /// Sets the time-out of a connection that accepts no data.
        with_idle_timeout(idle_timeout: Duration) = idle_timeout;
        /// Sets the time-out of the response after the last byte.
        with_finish_timeout(finish_timeout: Duration) = finish_timeout;
        /// Sets how long the server may take to notice the end of an upload, before a retry.
        with_settle_timeout(settle_timeout: Duration) = settle_timeout;
        /// Sets the retry policy.
        with_retry(retry: RetryOptions) = retry;
    }
}

/// Stages data for image records of one cloud: the first half of a `glance-direct` import.
///
/// It takes the steps of a [`Push`](crate::Push). It detects the format before the upload, hashes the data,
/// and withholds the last chunk until the source and the format are verified. But Glance neither hashes nor
/// inspects staged data; the import does. So the upload itself is not verified: compare the digests of the
/// report with those of the image after the import, unless the service converts images.
#[derive(Clone)]
pub struct Staging {
    client: ImageClient,
    options: StagingOptions,
    cloud: String,
    progress: Arc<dyn Progress>,
}

impl std::fmt::Debug for Staging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staging")
            .field("cloud", &self.cloud)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Staging {
    /// Creates a staging through `client`.
    #[must_use]
    pub fn new(client: ImageClient, options: StagingOptions) -> Self {
        let cloud = client.base().host_str().unwrap_or_default().to_owned();
        Staging { client, options, cloud, progress: Arc::new(NoProgress) }
    }

    /// Sets the name of the cloud in messages and reports; the default is the host of the service.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.cloud = name.into();
        self
    }

    /// Sets the receiver of progress events.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Uploads the source to the staging area. The status of the image is `uploading` afterwards.
    ///
    /// # Errors
    ///
    /// Returns a [`StagingError`]. The record, which the caller has created, is kept in any case.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel` or by dropping the future: the connection is closed, and Glance sets the image
    /// back to `queued`.
    pub async fn run(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<StagingReport, StagingError> {
        let result = self.run_to_end(image, source, cancel).await;
        self.progress.ended(result.as_ref().map(drop).map_err(StagingError::kind));
        result
    }

    async fn run_to_end(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<StagingReport, StagingError> {
        let start = Instant::now();
        let source_name = source.name().to_owned();
        let failed = |failure| StagingError {
            source_name: source_name.clone(),
            image: image.display_name().to_owned(),
            cloud: self.cloud.clone(),
            failure: Box::new(failure),
        };
        if image.status() != Status::Queued {
            return Err(failed(PushFailure::NotStageable { status: image.status() }));
        }
        let declared_size = match (source.size(), self.options.size) {
            (Some(found), Some(expected)) if found != expected => {
                let name = source.name().to_owned();
                let error = TransferError::from(SourceError::Size { name, expected, found });
                return Err(failed(error.into()));
            }
            (found, expected) => found.or(expected),
        };
        if let Some(bytes) = declared_size {
            self.progress.total(bytes);
        }
        let staged = tokio::select! {
            staged = self.stage(image, source, declared_size) => staged,
            () = cancel.cancelled() => Err(PushFailure::Interrupted),
        };
        let (produced, attempts) = staged.map_err(failed)?;
        Ok(StagingReport {
            id: image.id().to_owned(),
            name: image.name().map(str::to_owned),
            size: produced.bytes,
            digests: shown(&produced.digests),
            source: source_name,
            provenance: produced.provenance,
            cloud: self.cloud.clone(),
            attempts,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    async fn stage(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        declared_size: Option<u64>,
    ) -> Result<(Produced, u32), PushFailure> {
        self.enter(Phase::Inspecting);
        let resources = JobResources::within(self.options.memory_bytes).for_pushes();
        let sniffed = sniff(source, &resources.pool, &self.options.retry).await;
        let (source, sniffed) = sniffed.map_err(TransferError::from)?;
        self.enter(Phase::Preflight);
        let claim = self.claim(image, source.size().is_none()).await?;
        if let Some(claim) = &claim {
            claim.check(&sniffed.inspection, sniffed.is_complete)?;
        }
        let mut job = StagingJob {
            staging: self,
            id: image.id(),
            declared_size,
            size: source.size(),
            claim,
            verdict: GateVerdict::default(),
            retries: Retries::new(&self.options.retry),
            not_before: None,
            attempts: 0,
            state: StagingStep::Sending(None),
        };
        let participants = std::slice::from_mut(&mut job);
        let context = PassContext {
            resources: &resources,
            slowest: Slowest::Wait,
            watch: &Stopwatch::start(),
        };
        passes::run(source, sniffed.head, &context, participants).await;
        match job.state {
            StagingStep::Ended(result) => result.map(|produced| (produced, job.attempts)),
            StagingStep::Sending(_) | StagingStep::StoredData(_) => {
                unreachable!("the passes end when no participant needs another one")
            }
        }
    }

    /// The formats that the record declares; `None` if it declares none until the import.
    async fn claim(&self, image: &Image, is_stream: bool) -> Result<Option<Claim>, PushFailure> {
        let formats = image.disk_format().zip(image.container_format());
        let Some((disk_format, container_format)) = formats else { return Ok(None) };
        let known = &self.options.image_format;
        let service = Service::default();
        let retry = &self.options.retry;
        let asking = CapabilityQuery { service: &service, client: &self.client, retry };
        let unknown = ImageSchema::default();
        // The report has no notes; the log has the reason.
        let schema = asking.schema().await?.or_note("the formats were", &mut Vec::new());
        let schema = schema.unwrap_or(&unknown);
        let base = self.client.base().as_str();
        preflight::check_formats(base, schema, Some(disk_format), container_format)?;
        let settings = preflight::settings(known, schema);
        Ok(Some(Claim {
            disk_format: disk_format.to_owned(),
            container_format: container_format.to_owned(),
            settings,
            is_forced: self.options.force_format,
            is_stream,
            is_implied: false,
            file_name: None,
        }))
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(cloud = self.cloud, "{}", phase.name());
        self.progress.phase(phase);
    }
}

/// The state of one record between the passes.
struct StagingJob<'a> {
    staging: &'a Staging,
    id: &'a str,
    declared_size: Option<u64>,
    size: Option<u64>,
    claim: Option<Claim>,
    /// The verdict of the gate in the last pass.
    verdict: GateVerdict,
    retries: Retries,
    not_before: Option<tokio::time::Instant>,
    attempts: u32,
    state: StagingStep,
}

enum StagingStep {
    /// Send the data; after a first attempt, because of this failure.
    Sending(Option<PushFailure>),
    /// An upload that seemed to fail has stored this number of bytes; hash the source to compare them.
    StoredData(Option<u64>),
    Ended(Result<Produced, PushFailure>),
}

impl StagingJob<'_> {
    async fn send(&mut self, branch: Branch) -> Result<Produced, UploadFailure> {
        self.attempts += 1;
        let options = &self.staging.options;
        let upload = Upload {
            client: &self.staging.client,
            id: self.id,
            data: ImageData::Stage,
            options: UploadOptions::sized(self.declared_size),
            size: self.size,
            timeouts: UploadTimeouts {
                idle_timeout: options.idle_timeout,
                finish_timeout: options.finish_timeout,
                settle_timeout: self.retries.settle_timeout(options.settle_timeout),
            },
            progress: &self.staging.progress,
            traffic: None,
            watch: &Stopwatch::start(),
            may_be_complete: None,
        };
        upload.run(branch).await
    }

    /// Fetches the result of the attempt before, which seemed to fail.
    async fn earlier_attempt(&self) -> Result<StoredData, UploadFailure> {
        if self.attempts == 0 {
            return Ok(StoredData::Nothing);
        }
        let Staging { client, options, .. } = self.staging;
        stored_data(client, self.id, ImageData::Stage, options.settle_timeout).await
    }

    /// Returns whether a retry is allowed, and prepares it. The record belongs to the caller, so it is never
    /// replaced.
    async fn recover(
        &mut self,
        failure: &PushFailure,
        status: Option<&Status>,
    ) -> Result<bool, PushFailure> {
        let record = RecordState { status, is_replaceable: false, may_be_complete: false };
        let retry_action = retry_action(failure, &record);
        if !matches!(retry_action, RetryAction::SameRecord | RetryAction::NewToken) {
            return Ok(false);
        }
        let Some(pause) = self.retries.grant(retry_action, failure) else { return Ok(false) };
        if retry_action == RetryAction::NewToken {
            let renewed = self.staging.client.renew().await;
            let failed = |source| PushFailure::Client { during: "renew the token", source };
            if !renewed.map_err(failed)? {
                return Ok(false);
            }
        }
        self.pause(failure, pause);
        Ok(true)
    }

    /// Sets the time of the next pass, and reports the retry.
    fn pause(&mut self, failure: &PushFailure, pause: Duration) {
        let retrying = retrying(&self.staging.cloud, failure, pause, &self.retries);
        self.staging.progress.retrying(&retrying);
        self.not_before = Some(tokio::time::Instant::now() + pause);
    }
}

impl Participant for StagingJob<'_> {
    fn want(&self) -> Want {
        match &self.state {
            StagingStep::Sending(_) => Want::Data,
            StagingStep::StoredData(_) => Want::Digests(None),
            StagingStep::Ended(_) => Want::Nothing,
        }
    }

    fn gate(&mut self) -> Option<Box<dyn TailGate>> {
        let (gate, verdict) = FormatGate::on(self.claim.clone()?);
        self.verdict = verdict;
        Some(gate)
    }

    fn not_before(&self) -> Option<tokio::time::Instant> {
        self.not_before
    }

    fn progress(&self) -> &Arc<dyn Progress> {
        &self.staging.progress
    }

    async fn take_part(&mut self, branch: Branch) {
        let sent = match self.earlier_attempt().await {
            Ok(StoredData::Nothing) => self.send(branch).await,
            Ok(StoredData::All(image)) => {
                return self.state = StagingStep::StoredData(image.size());
            }
            Err(failed) => Err(failed),
        };
        self.state = match sent {
            Ok(produced) => StagingStep::Ended(Ok(produced)),
            Err(UploadFailure { error, status }) => {
                let failure = failure_of(error, &self.verdict);
                match self.recover(&failure, status.as_ref()).await {
                    Ok(true) => StagingStep::Sending(Some(failure)),
                    Ok(false) => StagingStep::Ended(Err(failure)),
                    Err(worse) => StagingStep::Ended(Err(worse)),
                }
            }
        };
    }

    async fn digested(&mut self, produced: &Produced) {
        let StagingStep::StoredData(size) = self.state else { return };
        self.state = StagingStep::Ended(match size {
            Some(size) if size != produced.bytes => Err(IntegrityError::Mismatch {
                field: "size",
                expected: produced.bytes.to_string(),
                found: size.to_string(),
            }
            .into()),
            _ => Ok(produced.clone()),
        });
    }

    async fn retry_digests(&mut self, error: TransferError) {
        let failure = error.into();
        match self.retries.grant(RetryAction::SameRecord, &failure) {
            Some(pause) => self.pause(&failure, pause),
            None => self.state = StagingStep::Ended(Err(failure)),
        }
    }

    async fn end(&mut self, error: TransferError) {
        let before = match &mut self.state {
            StagingStep::Ended(_) => return,
            StagingStep::Sending(failure) => failure.take(),
            StagingStep::StoredData(_) => None,
        };
        let failure = match (error, before) {
            (TransferError::ReadOnce { name, .. }, Some(failure)) => read_once(name, failure),
            (TransferError::ReadOnce { name, .. }, None) => {
                cannot_verify(format!("{name} cannot be read any more"))
            }
            (error, _) => error.into(),
        };
        self.state = StagingStep::Ended(Err(failure));
    }
}
