//! The trait of all sinks.

use futures_util::future::BoxFuture;
use imgpush_client::Error as ClientError;

use super::body::{Body, Cut};

/// A destination for the data of a source.
pub trait Sink: Send {
    /// Returns the name in messages.
    fn name(&self) -> &str;

    /// Writes all of `body`. Returns when the data is stored.
    ///
    /// If the body ends with [`Cut`], the sink must not leave data behind that looks complete. A sink that
    /// drops the body early gets no more data; the other sinks continue.
    ///
    /// # Errors
    ///
    /// Returns a [`SinkError`]. A sink may be called again with the body of another pass.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any time; the sink must treat that as [`Cut`].
    fn take(&mut self, body: Body) -> BoxFuture<'_, Result<(), SinkError>>;
}

/// Why a sink has not written all data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A request to the image service failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A write failed.
    #[error("cannot write")]
    Io(#[from] std::io::Error),
    /// The source failed, or a gate has withheld the last chunk.
    #[error(transparent)]
    Cut(#[from] Cut),
}
