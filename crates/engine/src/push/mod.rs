//! One source, from where it is into one cloud or several, proved.

pub(crate) mod format_check;
pub(crate) mod if_exists;
mod job;
mod preflight;
mod quota;
pub(crate) mod service;
pub(crate) mod stage;
pub(crate) mod target;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use imgpush_client::{ImageClient, NewImage, Visibility};
use imgpush_formats::ImageFormatSettings;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::format_check::Sniffed;
use self::if_exists::IfExists;
use self::job::{Delivery, Seen, Subject};
use self::target::Target;
use crate::error::{Failure, Fate, PushError};
use crate::progress::{Phase, Progress};
use crate::report::Report;
use crate::resources::Workbench;
use crate::retry::RetryOptions;
use crate::timing::{ReaderWatch, Stopwatch, Timing};
use crate::transfer::pass::Slowest;
use crate::transfer::passes::{self, Means, Over, Participant as _};
use imgpush_source::Source;
use imgpush_source::SourceError;
use imgpush_source::pool::Pool;

/// What the image is to be, and how it is pushed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushOptions {
    /// The id; one is made up when there is none.
    pub id: Option<String>,
    /// Have the id follow from project, name and digest, where there is no [`id`](PushOptions::id): the same
    /// pushed by several runs at once is made by one, and found by the others. The digest is a published one
    /// where there is one, else SHA-512, for which the source is read once more; of one that cannot be read
    /// twice the id is made up.
    ///
    /// It is the UUID of version 5 in the name space `5d0c9a6e-2f0b-4f57-9d8e-6a0f6f3c7b21` of these lines,
    /// without a line end behind the last: the id of the project, or nothing; `ALGORITHM:HEX`, with `:packed`
    /// behind it where it is of what the source takes apart; the number of images of these that have come and
    /// gone, from 0; the name.
    pub derive_id: bool,
    /// What is done when there are images of that name.
    pub if_exists: IfExists,
    /// How long an image that another run has begun is waited for.
    pub wait_for_others: Duration,
    /// The name; the source's file name without its ending when there is none.
    pub name: Option<String>,
    /// The `disk_format`; the one that the data shows when there is none.
    pub disk_format: Option<String>,
    /// Push the data even if it is not what `disk_format` says, is broken, or would be refused. Never
    /// what points to other files.
    pub force_format: bool,
    /// What is known of the service's section `[image_format]`. Its own lists of formats count more
    /// than those here.
    pub image_format: ImageFormatSettings,
    /// The `container_format`.
    pub container_format: String,
    /// Extra properties.
    pub properties: Vec<(String, String)>,
    /// Free words.
    pub tags: BTreeSet<String>,
    /// Who may see it; the server's default when none.
    pub visibility: Option<Visibility>,
    /// Whether deleting is refused.
    pub protected: Option<bool>,
    /// Whether lists leave it out.
    pub hidden: Option<bool>,
    /// The smallest disk it boots from, in GiB; when there is none, what the disk inside needs, as far
    /// as that is known before it is read.
    pub min_disk: Option<u64>,
    /// The least memory it boots with, in MiB.
    pub min_ram: Option<u64>,
    /// Let a source without bytes become an image without bytes.
    pub allow_empty: bool,
    /// Bytes of memory that the process should stay within.
    pub memory_bytes: u64,
    /// Leave the record of a push that failed.
    pub keep_failed: bool,
    /// How long the connection may take nothing, while there is something to send.
    pub idle_timeout: Duration,
    /// How long the server may take to answer behind the last byte.
    pub finish_timeout: Duration,
    /// How long the server may take to notice that an upload is over, before a new try. A record that
    /// stays `saving` for longer is given up.
    pub settle_timeout: Duration,
    /// How long an import, or a copy into further stores, may take.
    pub import_timeout: Duration,
    /// What is tried again.
    pub retry: RetryOptions,
    /// What becomes of the target that the others wait for.
    pub slowest: Slowest,
}

impl Default for PushOptions {
    fn default() -> Self {
        PushOptions {
            id: None,
            derive_id: false,
            if_exists: IfExists::Add,
            wait_for_others: Duration::from_secs(3600),
            name: None,
            disk_format: None,
            force_format: false,
            image_format: ImageFormatSettings::default(),
            container_format: "bare".to_owned(),
            properties: Vec::new(),
            tags: BTreeSet::new(),
            visibility: None,
            protected: None,
            hidden: None,
            min_disk: None,
            min_ram: None,
            allow_empty: false,
            memory_bytes: 64 << 20,
            keep_failed: false,
            idle_timeout: Duration::from_secs(60),
            finish_timeout: Duration::from_secs(600),
            settle_timeout: Duration::from_secs(60),
            import_timeout: Duration::from_secs(24 * 3600),
            retry: RetryOptions::default(),
            slowest: Slowest::Wait,
        }
    }
}

impl PushOptions {
    /// The defaults for an image of that name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        PushOptions { name: Some(name.into()), ..PushOptions::default() }
    }

    /// Under that `disk_format`.
    #[must_use]
    pub fn with_disk_format(mut self, disk_format: impl Into<String>) -> Self {
        self.disk_format = Some(disk_format.into());
        self
    }

    /// With one more property.
    #[must_use]
    pub fn with_property(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// With one more tag.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }

    /// For those to see.
    #[must_use]
    pub fn with_visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = Some(visibility);
        self
    }

    /// Within so many bytes of memory.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Doing that when there are images of its name.
    #[must_use]
    pub fn with_if_exists(mut self, if_exists: IfExists) -> Self {
        self.if_exists = if_exists;
        self
    }

    /// Tried again so.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryOptions) -> Self {
        self.retry = retry;
        self
    }

    /// With that policy for the target that the others wait for.
    #[must_use]
    pub fn with_slowest(mut self, slowest: Slowest) -> Self {
        self.slowest = slowest;
        self
    }

    /// The record to be, but for its id and what the data and the service say.
    fn record(&self, suggested_name: Option<String>) -> Result<NewImage, Failure> {
        let name = self.name.clone().or(suggested_name).ok_or(Failure::NoName)?;
        let mut image = NewImage::named(name);
        image.set_container_format(&self.container_format);
        if !self.tags.is_empty() {
            image.set_tags(&self.tags);
        }
        if let Some(visibility) = &self.visibility {
            image.set_visibility(visibility.clone());
        }
        if let Some(protected) = self.protected {
            image.set_protected(protected);
        }
        if let Some(hidden) = self.hidden {
            image.set_hidden(hidden);
        }
        if let Some(mib) = self.min_ram {
            image.set_min_ram(mib);
        }
        for (key, value) in &self.properties {
            image
                .set_property(key, value.as_str())
                .map_err(|source| Failure::Property { key: key.clone(), source })?;
        }
        Ok(image)
    }
}

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
///    the source has a way back; one that stays `saving` is replaced. [`RetryOptions`] says how often.
/// 6. `status`, `size`, `checksum` and `os_hash_value` are compared. A hash that was not computed is
///    computed by reading again.
///
/// A failure or a cancellation after step 3 removes the record, unless it is to be kept.
#[derive(Clone, Debug)]
pub struct Push {
    target: Target,
    options: PushOptions,
}

impl Push {
    /// A push through `client`.
    #[must_use]
    pub fn new(client: ImageClient, options: PushOptions) -> Self {
        Push { target: Target::new(client), options }
    }

    /// A push to `target`.
    #[must_use]
    pub fn to(target: Target, options: PushOptions) -> Self {
        Push { target, options }
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
        let bench = Workbench::within(self.options.memory_bytes);
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
///         Err(error) => println!("{error}; {}", error.fate),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct MultiPush {
    targets: Vec<Target>,
    options: PushOptions,
}

impl MultiPush {
    /// A push to nowhere yet.
    #[must_use]
    pub fn new(options: PushOptions) -> Self {
        MultiPush { targets: Vec::new(), options }
    }

    /// To this target as well.
    #[must_use]
    pub fn to(mut self, target: Target) -> Self {
        self.targets.push(target);
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
        let bench = Workbench::within(self.options.memory_bytes);
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
    let record = || options.record(suggested_name.clone());
    let records: Result<Vec<_>, _> = targets.iter().map(|_| record()).collect();
    let Ok(records) = records else {
        let failed = |target: &Target| {
            Err(PushError {
                source_name: source.name().into(),
                cloud: target.cloud().into(),
                attempts: 0,
                failure: Box::new(record().expect_err("it failed a moment ago")),
                fate: Fate::NoRecord,
                timing: Box::new(Timing::unbegun()),
            })
        };
        return targets.iter().map(failed).collect();
    };

    let is_alone = targets.len() == 1;
    let subject = Subject::of(source.as_mut(), Arc::clone(&watch), is_alone);
    let mut deliveries: Vec<_> = targets
        .iter()
        .zip(records)
        .map(|(target, record)| Delivery::new(target, options, &subject, record))
        .collect();
    let means = Means { bench, slowest: options.slowest, watch: &watch };
    let is_done = tokio::select! {
        () = deliver(source, &mut deliveries, &means, options, targets) => true,
        () = cancel.cancelled() => false,
    };
    if !is_done {
        join_all(deliveries.iter_mut().map(Delivery::interrupt)).await;
    }
    deliveries.into_iter().map(Delivery::into_result).collect()
}

/// What is there already may make it needless to look at the source, and what that is to ask the service
/// more.
async fn deliver(
    source: Box<dyn Source>,
    deliveries: &mut [Delivery<'_>],
    means: &Means<'_>,
    options: &PushOptions,
    targets: &[Target],
) {
    join_all(deliveries.iter_mut().map(Delivery::look)).await;
    if deliveries.iter().all(Delivery::is_over) {
        return;
    }
    let (source, Sniffed { head, inspection, is_whole }) =
        match sniff(targets, options, source, &means.bench.pool, means.watch).await {
            Ok(sniffed) => sniffed,
            Err(error) => {
                let ending = deliveries.iter_mut().map(|one| one.end(Over::Source(error.clone())));
                join_all(ending).await;
                return;
            }
        };
    let seen = Seen { inspection: Arc::new(inspection), is_whole };
    join_all(deliveries.iter_mut().map(|one| one.prepare(&seen))).await;
    passes::run(source, head, means, deliveries).await;
}

/// What the source is, as far as its start, or a few places of it, show.
async fn sniff(
    targets: &[Target],
    options: &PushOptions,
    mut source: Box<dyn Source>,
    pool: &Pool,
    watch: &Arc<Stopwatch>,
) -> Result<(Box<dyn Source>, Sniffed), Arc<SourceError>> {
    for target in targets {
        target.progress.phase(Phase::Sniffing);
    }
    let mut reading = ReaderWatch::new(watch, source.as_mut(), pool);
    let (mut source, sniffed) = format_check::sniff(source, pool).await?;
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
