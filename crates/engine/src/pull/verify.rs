//! Verification of an image against a file, or against its own data.

use std::sync::Arc;
use std::time::Instant;

use imgpush_client::{Image, ImageClient};
use imgpush_source::{Source, SourceError};
use tokio_util::sync::CancellationToken;

use super::download::{Download, DownloadRun};
use super::error::{PullFailure, VerificationError};
use super::options::DownloadOptions;
use super::report::{ComparedWith, VerificationReport};
use crate::convert::StoredView;
use crate::inspect::{Sniffed, sniff, to_start};
use crate::integrity::against_source::compare;
use crate::integrity::produced::shown;
use crate::integrity::{IntegrityError, Produced, VerifiedBy};
use crate::progress::Progress;
use crate::resources::JobResources;
use crate::retry::RetryOptions;

/// Compares images of one cloud with files, or with the data that the service returns for them.
///
/// A comparison with a file sends no request; it relies on the digests of the image. A comparison with a
/// download also shows that the stored data still has these digests.
#[derive(Clone, Debug)]
pub struct Verification(Download);

impl Verification {
    /// Creates verifications through `client`. The options that concern files, and
    /// [`allow_unverified`](DownloadOptions::allow_unverified), have no effect.
    #[must_use]
    pub fn new(client: ImageClient, mut options: DownloadOptions) -> Self {
        options.allow_unverified = false;
        Verification(Download::new(client, options))
    }

    /// Sets the memory limit of the process in bytes, as [`Download::with_memory_bytes`].
    #[must_use]
    pub fn with_memory_bytes(self, bytes: u64) -> Self {
        Verification(self.0.with_memory_bytes(bytes))
    }

    pub(crate) fn with_resources(self, resources: JobResources) -> Self {
        Verification(self.0.with_resources(resources))
    }

    pub(crate) fn within_run(self, run: &DownloadRun) -> Self {
        Verification(self.0.within_run(run))
    }

    /// Returns the error of a verification that has panicked.
    pub(crate) fn panicked(&self, image: &Image, reason: String) -> VerificationError {
        self.error(image, PullFailure::Panicked { reason })
    }

    pub(crate) fn cloud(&self) -> &str {
        self.0.cloud()
    }

    /// Sets the name of the cloud in messages and reports; the default is the host of the service.
    #[must_use]
    pub fn on_cloud(self, name: impl Into<String>) -> Self {
        Verification(self.0.on_cloud(name))
    }

    /// Sets the receiver of progress events.
    #[must_use]
    pub fn with_progress(self, progress: Arc<dyn Progress>) -> Self {
        Verification(self.0.with_progress(progress))
    }

    /// Compares the image with a file or another source. A source of another size fails before it is read. If
    /// the service can have converted a virtual disk to raw when it stored the image, the image is compared with
    /// the raw bytes of that disk ([`VerifiedBy::RawView`]). A deactivated image can be compared too, because its
    /// digests are available.
    ///
    /// # Errors
    ///
    /// Returns a [`VerificationError`], with [`IntegrityError::Differs`](crate::IntegrityError::Differs) if
    /// the two differ.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a verification changes nothing.
    pub async fn against_file(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<VerificationReport, VerificationError> {
        let start = Instant::now();
        let name = source.name().to_owned();
        let compared = self.compare(image, source, cancel).await;
        let (produced, by) = self.ended(image, compared.map_err(PullFailure::from))?;
        Ok(self.report(image, &produced, by, ComparedWith::File, Some(name), start))
    }

    async fn compare(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<(Produced, Vec<VerifiedBy>), IntegrityError> {
        let (source, is_raw_view) = tokio::select! {
            stored = self.as_stored(image, source) => stored?,
            () = cancel.cancelled() => return Err(IntegrityError::Interrupted),
        };
        let (transfer_resources, progress) = (self.0.transfer_resources(), self.0.progress());
        let (produced, by) = compare(image, source, transfer_resources, progress, cancel).await?;
        Ok((produced, if is_raw_view { vec![VerifiedBy::RawView] } else { by }))
    }

    /// The raw bytes of the disk in the source if the service seems to have converted it, and whether it has;
    /// otherwise the source.
    async fn as_stored(
        &self,
        image: &Image,
        mut source: Box<dyn Source>,
    ) -> Result<(Box<dyn Source>, bool), SourceError> {
        let is_inspected = source.random_access().is_some() || source.rewind().is_some();
        if image.disk_format() != Some("raw") || source.size() == image.size() || !is_inspected {
            return Ok((source, false));
        }
        let pool = self.0.transfer_resources().pool;
        let (mut source, Sniffed { head, inspection, .. }) =
            sniff(source, &pool, &RetryOptions::never()).await?;
        if !head.is_empty() {
            drop(head);
            source = to_start(source).await?;
        }
        match StoredView::of_converted(image, &inspection, source.size()) {
            Some(view) => Ok((view.of(source).await?, true)),
            None => Ok((source, false)),
        }
    }

    /// Compares the image with the data that the service returns: downloads it and keeps nothing.
    ///
    /// # Errors
    ///
    /// As [`against_file`](Verification::against_file), and those of a download.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a verification changes nothing.
    pub async fn against_download(
        &self,
        image: &Image,
        cancel: &CancellationToken,
    ) -> Result<VerificationReport, VerificationError> {
        let start = Instant::now();
        let (produced, verification) =
            self.ended(image, self.0.without_destination(image, cancel).await)?;
        Ok(self.report(image, &produced, verification.by, ComparedWith::Download, None, start))
    }

    /// Reports the end of a verification.
    pub(crate) fn ended<T>(
        &self,
        image: &Image,
        result: Result<T, PullFailure>,
    ) -> Result<T, VerificationError> {
        self.0.progress().ended(result.as_ref().map(drop).map_err(PullFailure::kind));
        result.map_err(|failure| self.error(image, failure))
    }

    fn error(&self, image: &Image, failure: PullFailure) -> VerificationError {
        VerificationError {
            image: image.display_name().to_owned(),
            id: image.id().into(),
            cloud: self.0.cloud().to_owned(),
            failure: Box::new(failure),
        }
    }

    fn report(
        &self,
        image: &Image,
        produced: &Produced,
        verified_by: Vec<VerifiedBy>,
        against: ComparedWith,
        source: Option<String>,
        start: Instant,
    ) -> VerificationReport {
        VerificationReport {
            id: image.id().into(),
            name: image.name().map(str::to_owned),
            size: produced.bytes,
            verified: !verified_by.is_empty(),
            verified_by,
            digests: shown(&produced.digests),
            against,
            source,
            cloud: self.0.cloud().to_owned(),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}
