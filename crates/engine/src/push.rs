//! One image, from a source into a cloud, proved.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use imgpush_client::{Error as ClientError, Image, ImageClient, NewImage, Status, Visibility};
use imgpush_digest::Algorithm;
use imgpush_formats::{ImageFormatSettings, Inspection, ServerVerdict, Severity};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Fate, PushError};
use crate::formats::{Claim, Examined, Sniffed};
use crate::pipeline::Produced;
use crate::pool::Pool;
use crate::progress::{NoProgress, Phase, Progress};
use crate::proof::SourceProof;
use crate::report::{self, Note, Report};
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
}

impl Default for PushOptions {
    fn default() -> Self {
        PushOptions {
            id: None,
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
/// 1. The source is recognised: a file by its end, its start, and where the start points to, a stream
///    by its start.
/// 2. The service is asked what it would refuse: token, address, formats, quotas. What is unsafe, is
///    not what [`disk_format`](PushOptions::disk_format) says, or would be refused by the service's
///    inspection after the last byte, ends here.
/// 3. The record is created, under an id made here: so it can be found and removed even when the
///    answer is lost. An id of the caller's may be another image's; then it is left and said to be.
/// 4. The bytes are sent, hashed and looked at on the way; the last chunk only after the source has
///    proved whole, and all of it to be what the record says. An answer that comes early ends the
///    sending. A refused token is renewed once and the data sent again, if the source has a way back.
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
        let prepared = prepared.map_err(|failure| error(failure, Fate::NoRecord))?;
        let id = prepared.image.id().expect("prepare() sets an id").to_owned();

        let created = AtomicBool::new(false);
        let done = tokio::select! {
            done = self.transfer(prepared, &id, &created) => done,
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
    async fn prepare(&self, source: Box<dyn Source>) -> Result<Prepared, Failure> {
        let options = &self.options;
        let mut image = self.record(source.image_name())?;

        self.enter(Phase::Sniffing);
        let pool = Pool::within(options.memory_bytes);
        let (source, Sniffed { head, inspection, is_whole }) =
            formats::sniff(source, &pool).await?;
        let is_empty = source.size().map_or(head.is_empty(), |size| size == 0);
        if is_empty && !options.allow_empty {
            return Err(Failure::Source(SourceError::Empty { name: source.name().to_owned() }));
        }
        for finding in &inspection.findings {
            tracing::info!(id = %finding.id, severity = ?finding.severity, "{}", finding.text);
        }
        if let Some(size) = source.size() {
            self.progress.total(size);
        }

        self.enter(Phase::Asking);
        let (asked, container) = (options.disk_format.as_deref(), &*options.container_format);
        let settings =
            preflight::formats(&self.client, asked, container, &options.image_format).await?;
        let disk_format = match asked {
            Some(asked) => asked.to_owned(),
            None => Claim::recognise(&inspection, container, &settings)?,
        };
        let claim = Claim {
            disk_format,
            container_format: container.to_owned(),
            settings,
            is_forced: options.force_format,
            is_stream: source.size().is_none(),
        };
        let verdict = claim.check(&inspection, is_whole)?;
        image.set_disk_format(&claim.disk_format);
        if let Some(gib) = options.min_disk.or_else(|| min_disk(&claim, &inspection, &verdict)) {
            image.set_min_disk(gib);
        }
        preflight::room(&self.client, source.size()).await?;
        Ok(Prepared { source, head, image, claim, pool })
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
        prepared: Prepared,
        id: &str,
        created: &AtomicBool,
    ) -> Result<Done, Failure> {
        let Prepared { source, head, image, claim, pool } = prepared;
        self.enter(Phase::Creating);
        let record = self.client.create(&image).await.map_err(|source| {
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
            claim: Some(&claim),
            patience: Patience {
                idle_timeout: self.options.idle_timeout,
                finish_timeout: self.options.finish_timeout,
            },
            progress: &self.progress,
        };
        let Sent { produced, examined, source, attempts } =
            sending.run(source, head, &pool).await?;

        let source_proof = source.proof().cloned().unwrap_or_default();
        self.enter(Phase::Verifying);
        let (image, verified_by, produced) = self.verify(id, produced, source, &pool).await?;
        let examined = examined.expect("what is sent under a claim is examined");
        Ok(Done { image, verified_by, produced, source_proof, examined, attempts })
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
            inspected_virtual_size: done.examined.inspection.virtual_size,
            disk_format: image.disk_format().map(str::to_owned),
            container_format: image.container_format().map(str::to_owned),
            checksum: image.checksum().map(str::to_owned),
            os_hash_algo: image.hash_algo().map(str::to_owned),
            os_hash_value: image.hash_value().map(str::to_owned),
            verified: !done.verified_by.is_empty(),
            verified_by: done.verified_by,
            computed: report::shown(&done.produced.digests),
            source,
            source_proof: done.source_proof,
            cloud: self.cloud.clone(),
            attempts: done.attempts,
            notes: notes(&done.examined, image.virtual_size()),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

/// What the disk inside needs, where the image becomes a disk. Of several sizes the largest counts, and
/// a number that no service takes is none.
fn min_disk(claim: &Claim, inspection: &Inspection, verdict: &ServerVerdict) -> Option<u64> {
    let is_disk = !matches!(&*claim.disk_format, "iso" | "aki" | "ari");
    let inspected =
        inspection.virtual_size.filter(|_| is_disk && claim.container_format == "bare")?;
    let bytes = verdict.virtual_size().map_or(inspected, |predicted| predicted.max(inspected));
    Some(bytes.div_ceil(GIB)).filter(|&gib| i32::try_from(gib).is_ok())
}

/// What is to be said of an image that arrived.
fn notes(examined: &Examined, virtual_size: Option<u64>) -> Vec<Note> {
    let warnings = examined.inspection.findings.iter().filter(|f| f.severity >= Severity::Warning);
    let mut notes: Vec<_> =
        warnings.map(|f| Note { id: f.id.name(), text: f.text.clone() }).collect();
    if let (Some(found), Some(expected)) = (virtual_size, examined.verdict.virtual_size())
        && found != expected
    {
        let text = format!("the service says virtual_size {found}, {expected} was expected");
        notes.push(Note { id: "virtual-size", text });
    }
    notes
}

const GIB: u64 = 1 << 30;
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
    claim: Claim,
    pool: Pool,
}

struct Done {
    image: Image,
    verified_by: Vec<&'static str>,
    produced: Produced,
    source_proof: SourceProof,
    examined: Examined,
    attempts: u32,
}
