//! The download task of a batch.

use std::path::PathBuf;
use std::sync::Arc;

use imgpush_client::Image;
use tokio_util::sync::CancellationToken;

use crate::caught::caught;
use crate::convert::Conversion;
use crate::progress::Progress;
use crate::pull::error::PullError;
use crate::pull::report::DownloadReport;
use crate::pull::{Download, DownloadRun};
use crate::resources::JobResources;

/// An image to download to a file, as [`Download::to_file`] or [`Download::to_converted_file`] does.
///
/// The batch sets the memory and the receiver of the progress.
#[derive(Clone, Debug)]
pub struct PullTask {
    download: Download,
    image: Image,
    path: PathBuf,
    conversion: Option<Conversion>,
}

impl PullTask {
    /// Creates a task that downloads this image to `path`.
    #[must_use]
    pub fn to_file(download: Download, image: Image, path: impl Into<PathBuf>) -> Self {
        PullTask { download, image, path: path.into(), conversion: None }
    }

    /// Sets the conversion of the data.
    #[must_use]
    pub fn with_conversion(mut self, conversion: Conversion) -> Self {
        self.conversion = Some(conversion);
        self
    }

    /// Returns the name of the image, or its id if it has no name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.image.display_name()
    }

    pub(super) fn cloud(&self) -> &str {
        self.download.cloud()
    }

    /// Runs the task as one of the downloads of `run`. A panic becomes an error.
    pub(super) async fn run(
        self,
        run: &DownloadRun,
        resources: JobResources,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<DownloadReport, PullError> {
        let PullTask { download, image, path, conversion } = self;
        let download = download.within_run(run).with_resources(resources).with_progress(progress);
        let result = match conversion {
            Some(conversion) => {
                caught(download.to_converted_file(&image, &conversion, &path, cancel)).await
            }
            None => caught(download.to_file(&image, &path, cancel)).await,
        };
        result.unwrap_or_else(|reason| Err(download.panicked(&image, &path, reason)))
    }
}
