//! An image to download into a file.

use std::path::PathBuf;
use std::sync::Arc;

use imgpush_client::Image;
use tokio_util::sync::CancellationToken;

use crate::progress::Progress;
use crate::pull::Download;
use crate::pull::error::PullError;
use crate::pull::report::DownloadReport;
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

    pub(super) async fn run(
        self,
        resources: JobResources,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let download = self.download.with_resources(resources).with_progress(progress);
        download.to_file(&self.image, &self.path, cancel).await
    }
}
