//! An image to download into a file.

use std::path::PathBuf;
use std::sync::Arc;

use imgpush_client::Image;
use tokio_util::sync::CancellationToken;

use crate::caught::caught;
use crate::progress::Progress;
use crate::pull::error::PullError;
use crate::pull::report::DownloadReport;
use crate::pull::{Download, DownloadRun};
use crate::resources::JobResources;

/// An image to download into a file, as [`Download::to_file`] does.
///
/// The batch sets the memory and the receiver of the progress.
#[derive(Clone, Debug)]
pub struct PullTask {
    download: Download,
    image: Image,
    path: PathBuf,
}

impl PullTask {
    /// Downloads this image to `path`.
    #[must_use]
    pub fn to_file(download: Download, image: Image, path: impl Into<PathBuf>) -> Self {
        PullTask { download, image, path: path.into() }
    }

    /// The name of the image, or its id where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.image.display_name()
    }

    pub(super) fn cloud(&self) -> &str {
        self.download.cloud()
    }

    /// Runs it as one of the downloads of `run`; a panic is its failure.
    pub(super) async fn run(
        self,
        run: &DownloadRun,
        resources: JobResources,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let PullTask { download, image, path } = self;
        let download = download.within_run(run).with_resources(resources).with_progress(progress);
        let result = caught(download.to_file(&image, &path, cancel)).await;
        result.unwrap_or_else(|reason| Err(download.panicked(&image, &path, reason)))
    }
}
