//! A push: the upload of one source to one or several clouds.
//!
//! [`Push`] and [`MultiPush`] are the public entry points; `batch` calls [`push`]. One [`UploadJob`] for each
//! target does the work, and [`passes`] reads the source for all of them. A push promises that an image is
//! `active` and verified after a success. After a failure it deletes the record, or reports why it is still
//! there.

pub(crate) mod error;
pub(crate) mod format_check;
pub(crate) mod format_error;
pub(crate) mod if_exists;
mod job;
pub(crate) mod ledger;
pub(crate) mod options;
pub(crate) mod overrides;
mod ownership;
mod preflight;
mod quota;
mod recovery;
pub(crate) mod report;
pub(crate) mod service;
pub(crate) mod stage;
pub(crate) mod target;

use std::sync::Arc;

use futures_util::future::join_all;
use imgpush_client::ImageClient;
use imgpush_source::Source;
use imgpush_source::SourceError;
use imgpush_source::pool::Pool;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::error::PushError;
use self::job::{Seen, SourceFacts, UploadJob};
use self::options::PushOptions;
use self::report::Report;
use self::target::Target;
use crate::caught::caught;
use crate::inspect::{Sniffed, sniff};
use crate::progress::{Phase, Progress};
use crate::resources::{DEFAULT_MEMORY_BYTES, JobResources, TransferResources};
use crate::timing::{ReaderWatch, Stopwatch};
use crate::transfer::TransferError;
use crate::transfer::passes::{self, Participant as _, PassContext};

/// Pushes one source to one cloud.
///
/// The steps, in this order:
///
/// 0. With [`if_exists`](PushOptions::if_exists), the existing images of that name are listed. If one is
///    identical, the push ends here.
/// 1. The format of the source is detected: of a file from its end, its start, and the ranges that the start
///    refers to; of a stream from its start.
/// 2. The service is queried before any data is sent (preflight): token, address, formats, quotas, stores.
///    The push fails here if the data is unsafe, is not what [`disk_format`](PushOptions::disk_format) says,
///    or would be rejected by the inspection of the service after the last byte.
/// 3. The record is created with an id that is chosen here, so it can be found and deleted even if the
///    response is lost. If the caller has given an id that another image has, the push fails. If the id is
///    [derived](PushOptions::derive_id) from the content, the record may belong to another run; then the push
///    waits for that run.
/// 4. The data is uploaded, hashed and inspected. The last chunk is withheld until the source is verified and
///    the data has the format that the record declares. A response before the last chunk ends the upload.
/// 5. After a transient failure, the status of the image decides. An image that is complete although the
///    response was lost is verified. A `queued` image is uploaded again after a pause, if the source can be
///    read again. An image that stays `saving` is replaced by a new record.
///    [`RetryOptions`](crate::RetryOptions) limits the retries.
/// 6. `status`, `size`, `checksum` and `os_hash_value` are compared. If Glance uses another hash algorithm,
///    the source is read again to compute it.
///
/// A failure or a cancellation after step 3 deletes the record, unless
/// [`keep_failed`](PushOptions::keep_failed) is set or its data may be complete.
#[derive(Clone, Debug)]
pub struct Push {
    target: Target,
    options: PushOptions,
    memory_bytes: u64,
}

impl Push {
    /// Creates a push through `client`.
    #[must_use]
    pub fn new(client: ImageClient, options: PushOptions) -> Self {
        Push::to(Target::new(client), options)
    }

    /// Creates a push to `target`.
    #[must_use]
    pub fn to(target: Target, options: PushOptions) -> Self {
        Push { target, options, memory_bytes: DEFAULT_MEMORY_BYTES }
    }

    /// Sets the bytes of memory that the process should stay within, 64 MiB by default.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Sets the name of the cloud in messages and reports; the default is the host of the service.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.target = self.target.on_cloud(name);
        self
    }

    /// Sets the receiver of progress events.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.target = self.target.with_progress(progress);
        self
    }

    /// Runs the push.
    ///
    /// # Errors
    ///
    /// Returns a [`PushError`] with the cause and the state of the record.
    ///
    /// # Cancel safety
    ///
    /// As [`MultiPush::run`].
    pub async fn run(
        &self,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<Report, PushError> {
        let targets = std::slice::from_ref(&self.target);
        let resources = JobResources::within(self.memory_bytes).for_pushes();
        let mut results = push(targets, &self.options, source, &resources, cancel).await;
        results.pop().expect("one result for each target")
    }
}

/// Pushes one source to several clouds at once. The source is read once and hashed once.
///
/// Each target takes the steps of a [`Push`], with its own record. A failed target does not affect the
/// others. All targets that retry share one further pass over the source, which starts after the pass before.
/// [`slowest`](PushOptions::slowest) sets the policy for a target that slows down the others.
///
/// All queues share the same chunks. A further target needs little memory: the buffers of its connection, and
/// the chunks by which it lags behind the fastest target.
///
/// ```no_run
/// use imgpush_engine::source::{SourceOptions, open};
/// use imgpush_engine::{CancellationToken, MultiPush, PushOptions, Stores, Target, Via};
/// # use imgpush_engine::client::ImageClient;
/// # async fn tour(north: ImageClient, south: ImageClient) -> Result<(), Box<dyn std::error::Error>> {
/// let mut decompressing = SourceOptions::default();
/// decompressing.decompress = true;
/// let source = open("https://cloud.example.org/noble.qcow2.xz".as_ref(), &decompressing).await?;
///
/// let results = MultiPush::new(PushOptions::named("noble"))
///     .to(Target::new(north).on_cloud("north"))
///     .to(Target::new(south).on_cloud("south").via(Via::Import).into_stores(Stores::All))
///     .run(source, &CancellationToken::new())
///     .await;
/// for result in results {
///     match result {
///         Ok(report) => println!("{}: {}", report.cloud, report.id),
///         Err(error) => println!("{error}; {}", error.outcome),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct MultiPush {
    targets: Vec<Target>,
    options: PushOptions,
    memory_bytes: u64,
}

impl MultiPush {
    /// Creates a push without a target.
    #[must_use]
    pub fn new(options: PushOptions) -> Self {
        MultiPush { targets: Vec::new(), options, memory_bytes: DEFAULT_MEMORY_BYTES }
    }

    /// Adds a target.
    #[must_use]
    pub fn to(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Sets the bytes of memory that the process should stay within, 64 MiB by default.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Runs the push. Returns one result for each target, in the order of the targets.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel`: the uploads stop at once, verified images are kept, and the records of all
    /// other targets are deleted. This takes at most 1.5 s. If the future is dropped instead, the uploads
    /// stop and the records remain. Glance sets such a record back to `queued` when it notices the closed
    /// connection; it never becomes `active` with incomplete data.
    pub async fn run(
        &self,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Vec<Result<Report, PushError>> {
        let resources = JobResources::within(self.memory_bytes).for_pushes();
        push(&self.targets, &self.options, source, &resources, cancel).await
    }
}

/// Runs one push. Returns one result for each target, in their order.
pub(crate) async fn push(
    targets: &[Target],
    options: &PushOptions,
    source: Box<dyn Source>,
    resources: &TransferResources,
    cancel: &CancellationToken,
) -> Vec<Result<Report, PushError>> {
    let span = tracing::info_span!("push", source = source.name(), targets = targets.len());
    run(targets, options, source, resources, cancel).instrument(span).await
}

async fn run(
    targets: &[Target],
    options: &PushOptions,
    mut source: Box<dyn Source>,
    resources: &TransferResources,
    cancel: &CancellationToken,
) -> Vec<Result<Report, PushError>> {
    let watch = Stopwatch::start();
    let suggested_name = source.image_name();
    let own_options: Vec<_> = targets.iter().map(|it| it.overrides.applied_to(options)).collect();
    let is_alone = targets.len() == 1;
    let source_facts = SourceFacts::of(source.as_mut(), Arc::clone(&watch), is_alone);
    let mut jobs = Vec::new();
    // For each target the error that prevents a job, or `None`.
    let mut refused = Vec::new();
    for (target, own) in targets.iter().zip(&own_options) {
        match own.record(suggested_name.clone()) {
            Ok(record) => {
                jobs.push(UploadJob::new(target, own, &source_facts, record));
                refused.push(None);
            }
            Err(failure) => {
                refused.push(Some(target.not_started(source.name(), failure)));
            }
        }
    }
    let context = PassContext { resources, slowest: options.slowest, watch: &watch };
    let finished = tokio::select! {
        finished = caught(run_jobs(source, &mut jobs, &context, options, targets)) => Some(finished),
        () = cancel.cancelled() => None,
    };
    match finished {
        Some(Ok(())) => {}
        Some(Err(reason)) => {
            join_all(jobs.iter_mut().map(|job| job.panicked(&reason))).await;
        }
        None => {
            join_all(jobs.iter_mut().map(UploadJob::interrupt)).await;
        }
    }
    in_order(refused, jobs.into_iter().map(UploadJob::into_result))
}

/// Returns one result for each target, in their order: its early error, or else the next of the results.
pub(crate) fn in_order(
    early_errors: Vec<Option<PushError>>,
    results: impl IntoIterator<Item = Result<Report, PushError>>,
) -> Vec<Result<Report, PushError>> {
    let mut results = results.into_iter();
    let result = |error: Option<PushError>| match error {
        Some(error) => Err(error),
        None => results.next().expect("a result for each target without an early error"),
    };
    early_errors.into_iter().map(result).collect()
}

/// Runs the jobs. An existing image can end a job before the source is inspected; the format of the source
/// decides what the preflight asks.
async fn run_jobs(
    source: Box<dyn Source>,
    jobs: &mut [UploadJob<'_>],
    context: &PassContext<'_>,
    options: &PushOptions,
    targets: &[Target],
) {
    join_all(jobs.iter_mut().map(UploadJob::find_existing)).await;
    if jobs.iter().all(UploadJob::is_over) {
        return;
    }
    let (source, Sniffed { head, inspection, is_complete }) =
        match detect_format(targets, options, source, &context.resources.pool, context.watch).await
        {
            Ok(sniffed) => sniffed,
            Err(error) => {
                let ending =
                    jobs.iter_mut().map(|one| one.end(TransferError::Source(Arc::clone(&error))));
                join_all(ending).await;
                return;
            }
        };
    let seen = Seen { inspection: Arc::new(inspection), is_complete };
    join_all(jobs.iter_mut().map(|one| one.inspected(&seen))).await;
    passes::run(source, head, context, jobs).await;
}

/// Detects the format of the source, from a few ranges or from its start.
async fn detect_format(
    targets: &[Target],
    options: &PushOptions,
    mut source: Box<dyn Source>,
    pool: &Pool,
    watch: &Arc<Stopwatch>,
) -> Result<(Box<dyn Source>, Sniffed), Arc<SourceError>> {
    for target in targets {
        target.progress.phase(Phase::Inspecting);
    }
    let mut reader_watch = ReaderWatch::new(watch, source.as_mut(), pool);
    let (mut source, sniffed) = sniff(source, pool, &options.retry).await?;
    reader_watch.source(source.as_mut(), pool);
    let is_empty = source.size().map_or(sniffed.head.is_empty(), |size| size == 0);
    if is_empty && !options.allow_empty {
        return Err(SourceError::Empty { name: source.name().to_owned() }.into());
    }
    for finding in &sniffed.inspection.findings {
        tracing::info!(id = %finding.id, severity = ?finding.severity, "{}", finding.text);
    }
    if let Some(size) = source.size() {
        for target in targets {
            target.progress.total(size);
        }
    }
    Ok((source, sniffed))
}
