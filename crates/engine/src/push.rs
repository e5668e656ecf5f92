//! One image, from a source into a cloud, proved.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use imgpush_client::{Error as ClientError, Image, ImageClient, NewImage, Status, Visibility};
use imgpush_digest::Algorithm;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Fate, PushError};
use crate::pipeline::Produced;
use crate::pool::Pool;
use crate::progress::{NoProgress, Phase, Progress};
use crate::report::{self, Report};
use crate::runtime::off_runtime;
use crate::sending::{ALWAYS, Patience, Sending, Sent, Target, state_of};
use crate::source::Source;
use crate::verify::{self, Verdict};
use crate::{SourceError, formats, preflight, sink};

/// What the image is to be, and how it is pushed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushOptions {
    /// The id; one is made up when there is none.
    pub id: Option<String>,
    /// The name; the source's file name without its ending when there is none.
    pub name: Option<String>,
    /// The `disk_format`; the one that the data shows when there is none.
    pub disk_format: Option<String>,
    /// Believe `disk_format` against what the data shows.
    pub force_format: bool,
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
    /// The smallest disk it boots from, in GiB.
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
}

impl Default for PushOptions {
    fn default() -> Self {
        PushOptions {
            id: None,
            name: None,
            disk_format: None,
            force_format: false,
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
        }
    }
}

impl PushOptions {
    /// The defaults for an image of that name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        PushOptions { name: Some(name.into()), ..PushOptions::default() }
    }
}

/// Pushes one source into one cloud.
///
/// In this order, each step only after the one before:
///
/// 1. The start of the source is read and recognised. What is unsafe, or is not what
///    [`disk_format`](PushOptions::disk_format) says, ends here.
/// 2. The service is asked what it would refuse: token, address, formats, quotas.
/// 3. The record is created, under an id made here: so it can be found and removed even when the
///    answer is lost. An id of the caller's may be another image's; then it is left and said to be.
/// 4. The bytes are sent, hashed on the way; the last chunk only after the source has proved whole.
///    An answer that comes early ends the sending. A refused token is renewed once and the data sent
///    again, if the source has a way back.
/// 5. When the connection broke, the image is asked what came of it; one that is complete although
///    the answer was lost goes on.
/// 6. `status`, `size`, `checksum` and `os_hash_value` are compared. A hash that was not computed is
///    computed by reading again.
///
/// A failure or a cancellation after step 3 removes the record, unless it is to be kept.
pub struct Push {
    client: ImageClient,
    options: PushOptions,
    cloud: String,
    progress: Arc<dyn Progress>,
}

impl Push {
    /// A push through `client`.
    #[must_use]
    pub fn new(client: ImageClient, options: PushOptions) -> Self {
        let cloud = client.base().host_str().unwrap_or_default().to_owned();
        Push { client, options, cloud, progress: Arc::new(NoProgress) }
    }

    /// What messages and the report call the cloud; its host when nobody says.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.cloud = name.into();
        self
    }

    /// Who hears of the push while it runs.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
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
    /// Cancel through `cancel`: the sending stops at once and the record is removed, which takes at
    /// most a second and a half. Dropping the future instead stops the sending and leaves the record.
    pub async fn run(
        &self,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<Report, PushError> {
        let start = Instant::now();
        let source_name = source.name().to_owned();
        let error = |failure, fate| PushError {
            source_name: source_name.clone(),
            cloud: self.cloud.clone(),
            failure: Box::new(failure),
            fate,
        };

        let prepared = tokio::select! {
            prepared = self.prepare(source) => prepared,
            () = cancel.cancelled() => Err(Failure::Interrupted),
        };
        let Prepared { source, head, image, pool } =
            prepared.map_err(|failure| error(failure, Fate::NoRecord))?;
        let id = image.id().expect("prepare() sets an id").to_owned();

        let created = AtomicBool::new(false);
        let done = tokio::select! {
            done = self.transfer(&image, &id, &created, source, head, &pool) => done,
            () = cancel.cancelled() => Err(Failure::Interrupted),
        };
        match done {
            Ok(done) => Ok(self.report(done, source_name, start)),
            Err(failure @ Failure::NotCreated { .. }) => Err(error(failure, Fate::NoRecord)),
            // An id of the caller's may be another image's, as long as no answer says otherwise.
            Err(failure) if self.options.id.is_some() && !created.load(Ordering::Relaxed) => {
                let reason = "nobody knows whether it was made".to_owned();
                Err(error(failure, Fate::Left { id, reason }))
            }
            Err(failure) => {
                let hurried = matches!(failure, Failure::Interrupted);
                let fate = self.dispose(&id, created.into_inner(), hurried).await;
                Err(error(failure, fate))
            }
        }
    }

    /// Steps 1 and 2: all that can be known without a record.
    async fn prepare(&self, mut source: Box<dyn Source>) -> Result<Prepared, Failure> {
        let options = &self.options;
        let mut image = self.record(source.image_name())?;

        self.enter(Phase::Sniffing);
        let pool = Pool::within(options.memory_bytes);
        let (source, sniffed) = off_runtime({
            let pool = pool.clone();
            move || {
                let sniffed = formats::sniff(source.as_mut(), &pool);
                (source, sniffed)
            }
        })
        .await;
        let formats::Sniffed { head, inspection } = sniffed.map_err(Failure::Source)?;
        let is_empty = source.size().map_or(head.is_empty(), |size| size == 0);
        if is_empty && !options.allow_empty {
            return Err(Failure::Source(SourceError::Empty { name: source.name().to_owned() }));
        }
        for finding in &inspection.findings {
            tracing::info!(id = %finding.id, severity = ?finding.severity, "{}", finding.text);
        }
        let asked = options.disk_format.as_deref();
        image.set_disk_format(formats::choose(&inspection, asked, options.force_format)?);
        if let Some(size) = source.size() {
            self.progress.total(size);
        }

        self.enter(Phase::Asking);
        preflight::ask(&self.client, &image, source.size()).await?;
        Ok(Prepared { source, head, image, pool })
    }

    fn record(&self, suggested_name: Option<String>) -> Result<NewImage, Failure> {
        let options = &self.options;
        let name = options.name.clone().or(suggested_name).ok_or(Failure::NoName)?;
        let mut image = NewImage::named(name);
        image.set_id(options.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string()));
        image.set_container_format(&options.container_format);
        if !options.tags.is_empty() {
            image.set_tags(&options.tags);
        }
        if let Some(visibility) = &options.visibility {
            image.set_visibility(visibility.clone());
        }
        if let Some(protected) = options.protected {
            image.set_protected(protected);
        }
        if let Some(hidden) = options.hidden {
            image.set_hidden(hidden);
        }
        if let Some(gib) = options.min_disk {
            image.set_min_disk(gib);
        }
        if let Some(mib) = options.min_ram {
            image.set_min_ram(mib);
        }
        for (key, value) in &options.properties {
            image
                .set_property(key, value.as_str())
                .map_err(|source| Failure::Property { key: key.clone(), source })?;
        }
        Ok(image)
    }

    /// Steps 3 to 6.
    async fn transfer(
        &self,
        image: &NewImage,
        id: &str,
        created: &AtomicBool,
        source: Box<dyn Source>,
        head: Vec<Bytes>,
        pool: &Pool,
    ) -> Result<Done, Failure> {
        self.enter(Phase::Creating);
        let record = self.client.create(image).await.map_err(|source| {
            // Behind a time-out, or an error of a proxy, nobody knows whether there is a record now.
            let refused = source.status().is_some_and(|status| {
                status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT
            });
            if refused {
                Failure::NotCreated { source }
            } else {
                Failure::Client { during: "creating the image record", source }
            }
        })?;
        created.store(true, Ordering::Relaxed);
        if record.status() != Status::Queued {
            return Err(Failure::Mismatch {
                field: "status",
                expected: Status::Queued.to_string(),
                found: record.status().to_string(),
            });
        }

        let sending = Sending {
            client: &self.client,
            id,
            to: Target::File,
            announced: source.size(),
            patience: Patience {
                idle_timeout: self.options.idle_timeout,
                finish_timeout: self.options.finish_timeout,
            },
            progress: &self.progress,
        };
        let Sent { produced, source, attempts } = sending.run(source, head, pool).await?;

        self.enter(Phase::Verifying);
        let (image, verified_by, produced) = self.verify(id, produced, source, pool).await?;
        Ok(Done { image, verified_by, produced, attempts })
    }

    /// Step 6.
    async fn verify(
        &self,
        id: &str,
        produced: Produced,
        source: Box<dyn Source>,
        pool: &Pool,
    ) -> Result<(Image, Vec<&'static str>, Produced), Failure> {
        let image = self.fetch(id).await.map_err(|source| Failure::Client {
            during: "fetching the image to verify it",
            source,
        })?;
        let algorithm = match verify::compare(&image, &produced)? {
            Verdict::Proved(by) => return Ok((image, by, produced)),
            Verdict::Needs(algorithm) => algorithm,
        };
        let again = self.read_again(algorithm, &produced, source, pool).await?;
        match verify::compare(&image, &again)? {
            Verdict::Proved(by) => Ok((image, by, again)),
            Verdict::Needs(algorithm) => {
                Err(Failure::CannotVerify { reason: format!("{algorithm} was not computed") })
            }
        }
    }

    /// The image, asked for a few times: all its data is there, so a passing trouble of a small call
    /// should not cost it.
    async fn fetch(&self, id: &str) -> Result<Image, ClientError> {
        let mut left = FETCH_TRIES;
        loop {
            left -= 1;
            match self.client.image(id).await {
                Err(error) if left > 0 && error.is_transient() => sleep(FETCH_INTERVAL).await,
                answer => return answer,
            }
        }
    }

    /// Reads the source once more for another digest, and makes sure it gave the same bytes.
    async fn read_again(
        &self,
        algorithm: Algorithm,
        first: &Produced,
        mut source: Box<dyn Source>,
        pool: &Pool,
    ) -> Result<Produced, Failure> {
        let Some(way_back) = source.rewind() else {
            return Err(Failure::CannotVerify {
                reason: format!(
                    "the server hashes with {algorithm}, and {} cannot be read a second time",
                    source.name()
                ),
            });
        };
        way_back.to_start().map_err(Failure::Source)?;
        tracing::info!(%algorithm, "reading again for the server's algorithm");
        let algorithms = [ALWAYS[0], ALWAYS[1], algorithm];
        let (again, _) = sink::drain(source, pool, &algorithms).await.map_err(Failure::Source)?;
        if again.bytes != first.bytes || !verify::same_bytes(&first.digests, &again.digests) {
            return Err(Failure::CannotVerify {
                reason: "the source gave other bytes when it was read a second time".to_owned(),
            });
        }
        Ok(again)
    }

    /// Removes the record of a failed push, or says why it is still there. A record that may still be
    /// on its way is looked for twice.
    async fn dispose(&self, id: &str, created: bool, hurried: bool) -> Fate {
        let id = id.to_owned();
        if self.options.keep_failed {
            let state = timeout(HURRIED, self.client.image(&id)).await;
            let state = state.map_or_else(
                |_| Err("the service does not answer".to_owned()),
                |image| image.map_err(|error| error.to_string()),
            );
            return Fate::Kept { id, state: state_of(&state) };
        }
        self.enter(Phase::Removing);
        let patience = if hurried { HURRIED } else { PATIENT };
        let mut reason = "the service did not answer in time".to_owned();
        let removing = async {
            let mut expected = !created;
            loop {
                let error = match self.client.delete(&id).await {
                    Ok(()) => return Fate::Removed { id: id.clone() },
                    Err(ClientError::NotFound(_)) if !expected => return Fate::NoRecord,
                    Err(ClientError::NotFound(_)) => {
                        expected = false;
                        sleep(CREATION_TIME).await;
                        continue;
                    }
                    Err(error) => error,
                };
                reason = error.to_string();
                if !error.is_transient() {
                    return Fate::Left { id: id.clone(), reason: reason.clone() };
                }
                sleep(REMOVE_INTERVAL).await;
            }
        };
        match timeout(patience, removing).await {
            Ok(fate) => fate,
            Err(_) => Fate::Left { id, reason },
        }
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(cloud = self.cloud, "{}", phase.name());
        self.progress.phase(phase);
    }

    fn report(&self, done: Done, source: String, start: Instant) -> Report {
        let image = done.image;
        Report {
            id: image.id().to_owned(),
            name: image.name().map(str::to_owned),
            status: image.status().to_string(),
            size: image.size(),
            virtual_size: image.virtual_size(),
            disk_format: image.disk_format().map(str::to_owned),
            container_format: image.container_format().map(str::to_owned),
            checksum: image.checksum().map(str::to_owned),
            os_hash_algo: image.hash_algo().map(str::to_owned),
            os_hash_value: image.hash_value().map(str::to_owned),
            verified: !done.verified_by.is_empty(),
            verified_by: done.verified_by,
            computed: report::shown(&done.produced.digests),
            source,
            cloud: self.cloud.clone(),
            attempts: done.attempts,
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

/// Time to remove the record when somebody waits at the terminal.
const HURRIED: Duration = Duration::from_millis(1500);
/// Time to remove the record otherwise.
const PATIENT: Duration = Duration::from_secs(30);
const FETCH_TRIES: u32 = 4;
const FETCH_INTERVAL: Duration = Duration::from_secs(1);
/// Between two tries to remove a record.
const REMOVE_INTERVAL: Duration = Duration::from_millis(200);
/// A creation whose answer was not waited for is done, or never will be, after this.
const CREATION_TIME: Duration = Duration::from_millis(500);

struct Prepared {
    source: Box<dyn Source>,
    head: Vec<Bytes>,
    image: NewImage,
    pool: Pool,
}

struct Done {
    image: Image,
    verified_by: Vec<&'static str>,
    produced: Produced,
    attempts: u32,
}
