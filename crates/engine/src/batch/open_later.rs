//! Sources that are opened when their task starts.

use std::path::PathBuf;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use imgpush_source::{Source, SourceError, SourceOptions};

/// Opens a source when its task starts, so that not all files of a batch are open at once.
pub(super) struct OpenLater(Box<dyn FnOnce() -> Opening + Send>);

type Opening = BoxFuture<'static, Result<Box<dyn Source>, SourceError>>;

impl OpenLater {
    pub(super) fn by(opening: impl FnOnce() -> Opening + Send + 'static) -> Self {
        OpenLater(Box::new(opening))
    }

    /// Opens a path, as [`open`](imgpush_source::open()) accepts it.
    pub(super) fn at(place: PathBuf, options: SourceOptions) -> Self {
        OpenLater::by(|| async move { imgpush_source::open(&place, &options).await }.boxed())
    }

    pub(super) async fn open(self) -> Result<Box<dyn Source>, SourceError> {
        (self.0)().await
    }
}
