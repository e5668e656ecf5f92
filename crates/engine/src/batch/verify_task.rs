//! The verification task of a batch.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use imgpush_client::Image;
use imgpush_source::{Source, SourceError, SourceOptions};
use tokio_util::sync::CancellationToken;

use super::open_later::OpenLater;
use crate::caught::caught;
use crate::progress::Progress;
use crate::pull::DownloadRun;
use crate::pull::error::{PullFailure, VerificationError};
use crate::pull::report::VerificationReport;
use crate::pull::verify::Verification;
use crate::resources::JobResources;

/// An image to verify, as a [`Verification`] does.
///
/// The batch sets the memory and the receiver of the progress.
pub struct VerifyTask {
    verification: Verification,
    image: Image,
    /// The source to compare with; `None` to download the data.
    source: Option<OpenLater>,
}

impl VerifyTask {
    /// Creates a task that downloads the data, as [`Verification::against_download`].
    #[must_use]
    pub fn against_download(verification: Verification, image: Image) -> Self {
        VerifyTask { verification, image, source: None }
    }

    /// Creates a task that compares with a path or an address, as [`Verification::against_file`].
    #[must_use]
    pub fn against_file(
        verification: Verification,
        image: Image,
        place: impl Into<PathBuf>,
        options: SourceOptions,
    ) -> Self {
        let source = OpenLater::at(place.into(), options);
        VerifyTask { verification, image, source: Some(source) }
    }

    /// Creates a task that compares with a source that is opened when the task starts, as
    /// [`Verification::against_file`].
    #[must_use]
    pub fn opened_by(
        verification: Verification,
        image: Image,
        opening: impl FnOnce() -> BoxFuture<'static, Result<Box<dyn Source>, SourceError>>
        + Send
        + 'static,
    ) -> Self {
        VerifyTask { verification, image, source: Some(OpenLater::by(opening)) }
    }

    /// Returns the name of the image, or its id if it has no name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.image.display_name()
    }

    pub(super) fn cloud(&self) -> &str {
        self.verification.cloud()
    }

    /// Runs the task as one of the downloads of `run`. A panic becomes an error.
    pub(super) async fn run(
        self,
        run: &DownloadRun,
        resources: JobResources,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<VerificationReport, VerificationError> {
        let VerifyTask { verification, image, source } = self;
        let verification =
            verification.within_run(run).with_resources(resources).with_progress(progress);
        let result = caught(verify(&verification, &image, source, cancel)).await;
        result.unwrap_or_else(|reason| Err(verification.panicked(&image, reason)))
    }
}

/// Compares with the source, or without one with the download.
async fn verify(
    verification: &Verification,
    image: &Image,
    source: Option<OpenLater>,
    cancel: &CancellationToken,
) -> Result<VerificationReport, VerificationError> {
    let Some(source) = source else {
        return verification.against_download(image, cancel).await;
    };
    let opened = tokio::select! {
        opened = source.open() => opened.map_err(PullFailure::from),
        () = cancel.cancelled() => Err(PullFailure::Interrupted),
    };
    match opened {
        Ok(source) => verification.against_file(image, source, cancel).await,
        Err(failure) => verification.ended(image, Err(failure)),
    }
}

impl std::fmt::Debug for VerifyTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyTask")
            .field("verification", &self.verification)
            .field("image", &self.image.id())
            .field("is_against_download", &self.source.is_none())
            .finish_non_exhaustive()
    }
}
