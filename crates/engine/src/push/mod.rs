//! One source, from where it is into one cloud or several, proved.

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
use crate::resources::{DEFAULT_MEMORY_BYTES, JobResources, Workbench};
use crate::timing::{ReaderWatch, Stopwatch};
use crate::transfer::TransferError;
use crate::transfer::passes::{self, Participant as _, PassMeans};

/// Pushes one source into one cloud.
///
/// In this order, each step only after the one before:
///
/// 0. With [`if_exists`](PushOptions::if_exists) the images of that name are asked for. What is there already
///    is not made again: the next steps are for what is.
/// 1. The source is recognised: a file by its end, its start, and where the start points to, a stream
///    by its start.
/// 2. The service is asked what it would refuse: token, address, formats, quotas, stores. What is unsafe,
///    is not what [`disk_format`](PushOptions::disk_format) says, or would be refused by the service's
///    inspection after the last byte, ends here.
/// 3. The record is created, under an id made here: so it can be found and removed even when the
///    answer is lost. An id of the caller's may be another image's; then it is left and said to be. One that
///    [follows](PushOptions::derive_id) from what the image is may be another run's; then that is waited for.
/// 4. The bytes are sent, hashed and looked at on the way; the last chunk only after the source has
///    proved whole, and all of it to be what the record says. An answer that comes early ends the
///    sending.
/// 5. When that failed in passing, the image is asked what came of it. One that is complete although
///    the answer was lost goes on; to one that is `queued` again the data is sent again after a pause, if
///    the source has a way back; one that stays `saving` is replaced. [`RetryOptions`](crate::RetryOptions) says how often.
/// 6. `status`, `size`, `checksum` and `os_hash_value` are compared. A hash that was not computed is
///    computed by reading again.
///
/// A failure or a cancellation after step 3 removes the record, unless it is to be kept.
#[derive(Clone, Debug)]
pub struct Push {
    target: Target,
    options: PushOptions,
    memory_bytes: u64,
}

impl Push {
    /// A push through `client`.
    #[must_use]
    pub fn new(client: ImageClient, options: PushOptions) -> Self {
        Push::to(Target::new(client), options)
    }

    /// A push to `target`.
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

    /// What messages and the report call the cloud; its host when nobody says.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.target = self.target.on_cloud(name);
        self
    }

    /// Who hears of the push while it runs.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.target = self.target.with_progress(progress);
        self
    }

    /// Runs the push.
    ///
    /// # Errors
    ///
    /// [`PushError`]: what went wrong, and what became of the record.
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
        let bench = JobResources::within(self.memory_bytes).for_pushes();
        let mut results = push(targets, &self.options, source, &bench, cancel).await;
        results.pop().expect("one result a target")
    }
}

/// Pushes one source into several clouds at once: it is read once and hashed once.
///
/// Each target goes the way of a [`Push`], with a record of its own. One that fails does not spoil the
/// others. Those that are to be tried again are, together, by another reading, when the one before is over.
/// [`slowest`](PushOptions::slowest) says what becomes of a target that the others wait for.
///
/// All queues hold the same chunks, so a target more costs little memory: what its connection takes, and
/// its share of the lag behind the fastest.
///
/// ```no_run
/// use imgpush_engine::source::{SourceOptions, open};
/// use imgpush_engine::{CancellationToken, MultiPush, PushOptions, Stores, Target, Via};
/// # use imgpush_engine::client::ImageClient;
/// # async fn tour(north: ImageClient, south: ImageClient) -> Result<(), Box<dyn std::error::Error>> {
/// let mut unpacking = SourceOptions::default();
/// unpacking.decompress = true;
/// let source = open("https://cloud.example.org/noble.qcow2.xz".as_ref(), &unpacking).await?;
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
    /// A push to nowhere yet.
    #[must_use]
    pub fn new(options: PushOptions) -> Self {
        MultiPush { targets: Vec::new(), options, memory_bytes: DEFAULT_MEMORY_BYTES }
    }

    /// To this target as well.
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

    /// Runs the push; a result a target, in their order.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel`: the sending stops at once, images that are proved stay, and the records of
    /// the others are removed, which takes at most a second and a half. Dropping the future instead stops
    /// the sending and leaves the records: `queued`, as soon as the service notices, but never `active`
    /// with a part of the data.
    pub async fn run(
        &self,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Vec<Result<Report, PushError>> {
        let bench = JobResources::within(self.memory_bytes).for_pushes();
        push(&self.targets, &self.options, source, &bench, cancel).await
    }
}

/// One push; a result a target.
pub(crate) async fn push(
    targets: &[Target],
    options: &PushOptions,
    source: Box<dyn Source>,
    bench: &Workbench,
    cancel: &CancellationToken,
) -> Vec<Result<Report, PushError>> {
    let span = tracing::info_span!("push", source = source.name(), targets = targets.len());
    run(targets, options, source, bench, cancel).instrument(span).await
}

async fn run(
    targets: &[Target],
    options: &PushOptions,
    mut source: Box<dyn Source>,
    bench: &Workbench,
    cancel: &CancellationToken,
) -> Vec<Result<Report, PushError>> {
    let watch = Stopwatch::start();
    let suggested_name = source.image_name();
    let own_options: Vec<_> = targets.iter().map(|it| it.overrides.applied_to(options)).collect();
    let is_alone = targets.len() == 1;
    let subject = SourceFacts::of(source.as_mut(), Arc::clone(&watch), is_alone);
    let mut deliveries = Vec::new();
    // For each target why it has no job, if so.
    let mut refused = Vec::new();
    for (target, own) in targets.iter().zip(&own_options) {
        match own.record(suggested_name.clone()) {
            Ok(record) => {
                deliveries.push(UploadJob::new(target, own, &subject, record));
                refused.push(None);
            }
            Err(failure) => {
                refused.push(Some(target.not_started(source.name(), failure)));
            }
        }
    }
    let means = PassMeans { bench, slowest: options.slowest, watch: &watch };
    let delivered = tokio::select! {
        delivered = caught(deliver(source, &mut deliveries, &means, options, targets)) => Some(delivered),
        () = cancel.cancelled() => None,
    };
    match delivered {
        Some(Ok(())) => {}
        Some(Err(reason)) => {
            join_all(deliveries.iter_mut().map(|job| job.panicked(&reason))).await;
        }
        None => {
            join_all(deliveries.iter_mut().map(UploadJob::interrupt)).await;
        }
    }
    in_order(refused, deliveries.into_iter().map(UploadJob::into_result))
}

/// One result for each target, in their order: its early error, or else the next of the results.
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

/// What is there already may make it needless to look at the source, and what that is to ask the service
/// more.
async fn deliver(
    source: Box<dyn Source>,
    deliveries: &mut [UploadJob<'_>],
    means: &PassMeans<'_>,
    options: &PushOptions,
    targets: &[Target],
) {
    join_all(deliveries.iter_mut().map(UploadJob::look)).await;
    if deliveries.iter().all(UploadJob::is_over) {
        return;
    }
    let (source, Sniffed { head, inspection, is_whole }) =
        match look_at(targets, options, source, &means.bench.pool, means.watch).await {
            Ok(sniffed) => sniffed,
            Err(error) => {
                let ending = deliveries
                    .iter_mut()
                    .map(|one| one.end(TransferError::Source(Arc::clone(&error))));
                join_all(ending).await;
                return;
            }
        };
    let seen = Seen { inspection: Arc::new(inspection), is_whole };
    join_all(deliveries.iter_mut().map(|one| one.inspected(&seen))).await;
    passes::run(source, head, means, deliveries).await;
}

/// What the source is, as far as its start, or a few places of it, show.
async fn look_at(
    targets: &[Target],
    options: &PushOptions,
    mut source: Box<dyn Source>,
    pool: &Pool,
    watch: &Arc<Stopwatch>,
) -> Result<(Box<dyn Source>, Sniffed), Arc<SourceError>> {
    for target in targets {
        target.progress.phase(Phase::Inspecting);
    }
    let mut reading = ReaderWatch::new(watch, source.as_mut(), pool);
    let (mut source, sniffed) = sniff(source, pool, &options.retry).await?;
    reading.source(source.as_mut(), pool);
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
