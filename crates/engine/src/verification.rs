//! Whether an image is what it should be, without keeping anything.

use std::sync::Arc;
use std::time::Instant;

use imgpush_client::{Image, ImageClient, Status};
use tokio_util::sync::CancellationToken;

use crate::download::{Download, DownloadOptions};
use crate::error::{Failure, VerificationError};
use crate::pipeline::Produced;
use crate::pool::Pool;
use crate::progress::{Phase, Progress};
use crate::report::{self, VerificationReport};
use crate::sink;
use crate::source::Source;
use crate::verify::{self, Claims, Verdict};

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
    /// [`VerificationError`], with [`Failure::Differs`] where the two are not the same.
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
        let compared = tokio::select! {
            compared = self.compare(image, source, &name) => compared,
            () = cancel.cancelled() => Err(Failure::Interrupted),
        };
        let (produced, by) = compared.map_err(|failure| self.error(image, failure))?;
        Ok(self.report(image, &produced, by, "file", Some(name), start))
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
        let proved = self.0.to_nowhere(image, cancel).await;
        let (produced, proof) = proved.map_err(|failure| self.error(image, failure))?;
        Ok(self.report(image, &produced, proof.by, "download", None, start))
    }

    async fn compare(
        &self,
        image: &Image,
        source: Box<dyn Source>,
        name: &str,
    ) -> Result<(Produced, Vec<&'static str>), Failure> {
        if !matches!(image.status(), Status::Active | Status::Deactivated) {
            return Err(Failure::NotAvailable { status: image.status() });
        }
        let differs = |failure| verify::data_is_wrong(name, failure);
        if let Some(size) = source.size() {
            verify::same_size(image, size).map_err(differs)?;
        }
        let claims = Claims::of(image);
        claims.sufficient()?;

        let progress = self.0.progress();
        if let Some(size) = image.size() {
            progress.total(size);
        }
        progress.phase(Phase::Hashing);
        let pool = Pool::within(self.0.options().memory_bytes);
        let algorithms = claims.algorithms();
        let read = sink::drain_telling(source, &pool, &algorithms, |bytes| progress.sent(bytes));
        let (produced, _) = read.await.map_err(Failure::from)?;
        verify::same_size(image, produced.bytes).map_err(differs)?;
        match claims.compare(&produced.digests).map_err(differs)? {
            Verdict::Proved(by) => Ok((produced, by)),
            Verdict::Needs(algorithm) => {
                Err(Failure::CannotVerify { reason: format!("{algorithm} was not computed") })
            }
        }
    }

    fn error(&self, image: &Image, failure: Failure) -> VerificationError {
        VerificationError {
            image: image.name().unwrap_or(image.id()).to_owned(),
            cloud: self.0.cloud().to_owned(),
            failure: Box::new(failure),
        }
    }

    fn report(
        &self,
        image: &Image,
        produced: &Produced,
        verified_by: Vec<&'static str>,
        against: &'static str,
        source: Option<String>,
        start: Instant,
    ) -> VerificationReport {
        VerificationReport {
            id: image.id().to_owned(),
            name: image.name().map(str::to_owned),
            size: produced.bytes,
            verified: !verified_by.is_empty(),
            verified_by,
            computed: report::shown(&produced.digests),
            against,
            source,
            cloud: self.0.cloud().to_owned(),
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}
