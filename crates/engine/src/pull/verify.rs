//! Whether an image is what it should be, without keeping anything.

use std::sync::Arc;
use std::time::Instant;

use imgpush_client::{Image, ImageClient};
use imgpush_source::Source;
use tokio_util::sync::CancellationToken;

use super::download::{Download, DownloadRun};
use super::error::{PullFailure, VerificationError};
use super::options::DownloadOptions;
use super::report::{ComparedWith, VerificationReport};
use crate::integrity::against_source::compare;
use crate::integrity::produced::shown;
use crate::integrity::{Produced, VerifiedBy};
use crate::progress::Progress;
use crate::resources::JobResources;

/// Compares images of one cloud with files, or with the data that the cloud gives for them.
///
/// A comparison with a file asks the cloud nothing: it believes the digests that the image shows. One
/// with the download believes them too, and proves that the data in the store still is what they say.
#[derive(Clone, Debug)]
pub struct Verification(Download);

impl Verification {
    /// Verifications through `client`. Of the options those on files do nothing here, and
    /// [`allow_unverified`](DownloadOptions::allow_unverified) neither.
    #[must_use]
    pub fn new(client: ImageClient, mut options: DownloadOptions) -> Self {
        options.allow_unverified = false;
        Verification(Download::new(client, options))
    }

    /// Sets the bytes of memory that the process should stay within, as [`Download::with_memory_bytes`].
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

    /// The error of a verification that has ended by a panic.
    pub(crate) fn panicked(&self, image: &Image, reason: String) -> VerificationError {
        self.error(image, PullFailure::Panicked { reason })
    }

    pub(crate) fn cloud(&self) -> &str {
        self.0.cloud()
    }

    /// What messages and the report call the cloud; its host when nobody says.
    #[must_use]
    pub fn on_cloud(self, name: impl Into<String>) -> Self {
        Verification(self.0.on_cloud(name))
    }

    /// Who hears of verifications while they run.
    #[must_use]
    pub fn with_progress(self, progress: Arc<dyn Progress>) -> Self {
        Verification(self.0.with_progress(progress))
    }

    /// Compares with a file, or whatever `source` is. One of another size fails before it is read. A
    /// deactivated image can be compared too: its digests are there.
    ///
    /// # Errors
    ///
    /// [`VerificationError`], with [`IntegrityError::Differs`](crate::IntegrityError::Differs) where the two are not the same.
    ///
    /// # Cancel safety
    ///
    /// Nothing is changed by a verification.
    pub async fn against_file(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<VerificationReport, VerificationError> {
        let start = Instant::now();
        let name = source.name().to_owned();
        let (bench, progress) = (self.0.bench(), self.0.progress());
        let compared = compare(image, source, bench, progress, cancel).await;
        let (produced, by) = self.ended(image, compared.map_err(PullFailure::from))?;
        Ok(self.report(image, &produced, by, ComparedWith::File, Some(name), start))
    }

    /// Compares with the data that the service gives: downloads it, keeping nothing.
    ///
    /// # Errors
    ///
    /// As [`against_file`](Verification::against_file), and as a download.
    ///
    /// # Cancel safety
    ///
    /// Nothing is changed by a verification.
    pub async fn against_download(
        &self,
        image: &Image,
        cancel: &CancellationToken,
    ) -> Result<VerificationReport, VerificationError> {
        let start = Instant::now();
        let (produced, proof) = self.ended(image, self.0.to_nowhere(image, cancel).await)?;
        Ok(self.report(image, &produced, proof.by, ComparedWith::Download, None, start))
    }

    /// Tells that a verification has ended.
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
            id: image.id().to_owned(),
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
