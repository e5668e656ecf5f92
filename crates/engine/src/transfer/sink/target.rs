//! The trait of all sinks.

use futures_util::future::BoxFuture;
use imgpush_client::Error as ClientError;

use super::body::{Body, Cut};

/// Takes the bytes of a source.
pub trait Sink: Send {
    /// What messages call it.
    fn name(&self) -> &str;

    /// Takes all of `body`, and is done when the bytes are where they belong.
    ///
    /// A body that ends by [`Cut`] must leave nothing behind that could be taken for the whole. A sink that
    /// drops the body early wants no more; the other sinks go on.
    ///
    /// # Errors
    ///
    /// [`SinkError`]. A sink may be called again with the body of another reading.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time, which has to be as good as a [`Cut`].
    fn take(&mut self, body: Body) -> BoxFuture<'_, Result<(), SinkError>>;
}

/// Why a sink did not take everything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The image service, or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Writing failed.
    #[error("cannot write")]
    Io(#[from] std::io::Error),
    /// The source failed.
    #[error(transparent)]
    Cut(#[from] Cut),
}
