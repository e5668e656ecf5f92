//! The data of one image, laid ready for an import.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imgpush_client::{Image, ImageClient, Status};
use imgpush_formats::ImageFormatSettings;
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, StagingError};
use crate::formats::{self, Claim};
use crate::pool::Pool;
use crate::progress::{NoProgress, Phase, Progress};
use crate::report::{self, StagingReport};
use crate::sending::{Patience, Sending, Sent, Target};
use crate::source::Source;
use crate::{SourceError, preflight};

/// How data is staged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StagingOptions {
    /// Bytes that a source of unknown size will have; the service refuses any other number of them.
    pub size: Option<u64>,
    /// Send the data even if it is not what the record says, is broken, or would be refused by the
    /// import. Never what points to other files.
    pub force_format: bool,
    /// What is known of the service's section `[image_format]`. Its own lists of formats count more
    /// than those here.
    pub image_format: ImageFormatSettings,
    /// Bytes of memory that the process should stay within.
    pub memory_bytes: u64,
    /// How long the connection may take nothing, while there is something to send.
    pub idle_timeout: Duration,
    /// How long the server may take to answer behind the last byte.
    pub finish_timeout: Duration,
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
        }
    }
}

/// Stages data for records of one cloud: the first half of a `glance-direct` import.
///
/// It goes the way of a [`Push`](crate::Push): looked at before anything is sent, end held back until
/// the source has proved whole and what the record says, and hashed on the way. But the service neither
/// hashes nor inspects what is staged; the import does. So nothing is proved here: the report's digests
/// can be compared when the import is over, unless the service converts images.
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
    /// Stages through `client`.
    #[must_use]
    pub fn new(client: ImageClient, options: StagingOptions) -> Self {
        let cloud = client.base().host_str().unwrap_or_default().to_owned();
        Staging { client, options, cloud, progress: Arc::new(NoProgress) }
    }

    /// What messages and the report call the cloud; its host when nobody says.
    #[must_use]
    pub fn on_cloud(mut self, name: impl Into<String>) -> Self {
        self.cloud = name.into();
        self
    }

    /// Who hears of it while it runs.
    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Sends the source; the image is `uploading` afterwards.
    ///
    /// # Errors
    ///
    /// [`StagingError`]. The record stays in any case: it was there before.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel` or by dropping the future: the connection is cut, and the image falls
    /// back to `queued`.
    pub async fn run(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<StagingReport, StagingError> {
        let start = Instant::now();
        let source_name = source.name().to_owned();
        let failed = |failure| StagingError {
            source_name: source_name.clone(),
            image: image.name().unwrap_or(image.id()).to_owned(),
            cloud: self.cloud.clone(),
            failure: Box::new(failure),
        };
        if image.status() != Status::Queued {
            return Err(failed(Failure::NotStageable { status: image.status() }));
        }
        let announced = match (source.size(), self.options.size) {
            (Some(found), Some(expected)) if found != expected => {
                let name = source.name().to_owned();
                return Err(failed(Failure::Source(SourceError::Size { name, expected, found })));
            }
            (found, expected) => found.or(expected),
        };
        if let Some(bytes) = announced {
            self.progress.total(bytes);
        }
        let sent = tokio::select! {
            sent = self.send(image, source, announced) => sent,
            () = cancel.cancelled() => Err(Failure::Interrupted),
        };
        let Sent { produced, source, attempts, .. } = sent.map_err(failed)?;
        Ok(StagingReport {
            id: image.id().to_owned(),
            name: image.name().map(str::to_owned),
            size: produced.bytes,
            computed: report::shown(&produced.digests),
            source: source_name,
            source_proof: source.proof().cloned().unwrap_or_default(),
            cloud: self.cloud.clone(),
            attempts,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    async fn send(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        announced: Option<u64>,
    ) -> Result<Sent, Failure> {
        self.enter(Phase::Sniffing);
        let pool = Pool::within(self.options.memory_bytes);
        let (source, sniffed) = formats::sniff(source, &pool).await?;
        self.enter(Phase::Asking);
        let claim = self.claim(image, source.size().is_none()).await?;
        if let Some(claim) = &claim {
            claim.check(&sniffed.inspection, sniffed.is_whole)?;
        }
        let sending = Sending {
            client: &self.client,
            id: image.id(),
            to: Target::Stage,
            announced,
            claim: claim.as_ref(),
            patience: Patience {
                idle_timeout: self.options.idle_timeout,
                finish_timeout: self.options.finish_timeout,
            },
            progress: &self.progress,
        };
        sending.run(source, sniffed.head, &pool).await
    }

    /// What the record says of its data. It may say nothing until the import.
    async fn claim(&self, image: &Image, is_stream: bool) -> Result<Option<Claim>, Failure> {
        let formats = image.disk_format().zip(image.container_format());
        let Some((disk_format, container_format)) = formats else { return Ok(None) };
        let known = &self.options.image_format;
        let settings =
            preflight::formats(&self.client, Some(disk_format), container_format, known).await?;
        Ok(Some(Claim {
            disk_format: disk_format.to_owned(),
            container_format: container_format.to_owned(),
            settings,
            is_forced: self.options.force_format,
            is_stream,
        }))
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(cloud = self.cloud, "{}", phase.name());
        self.progress.phase(phase);
    }
}
