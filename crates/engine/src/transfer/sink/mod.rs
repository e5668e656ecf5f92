//! Where the bytes of an image go.
//!
//! [`pour`] reads a source once, hashes it, and feeds as many sinks as there are.
//!
//! ```
//! use futures_util::future::BoxFuture;
//! use imgpush_engine::Algorithm;
//! use imgpush_engine::pool::Pool;
//! use imgpush_engine::sink::{Body, Sink, SinkError, pour};
//! use imgpush_engine::source::ReaderSource;
//!
//! /// Counts, and keeps nothing.
//! struct Count(u64);
//!
//! impl Sink for Count {
//!     fn name(&self) -> &str {
//!         "count"
//!     }
//!
//!     fn take(&mut self, mut body: Body) -> BoxFuture<'_, Result<(), SinkError>> {
//!         Box::pin(async move {
//!             while let Some(chunk) = body.chunk().await? {
//!                 self.0 += chunk.len() as u64;
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! # async fn tour() -> Result<(), Box<dyn std::error::Error>> {
//! let source = ReaderSource::new("abc", &b"abc"[..]);
//! let (mut one, mut other) = (Count(0), Count(0));
//! let pool = Pool::within(64 << 20);
//! let poured =
//!     pour(Box::new(source), &pool, &[Algorithm::Sha256], &mut [&mut one, &mut other]).await?;
//! assert!(poured.results.iter().all(Result::is_ok));
//! assert_eq!((one.0, other.0, poured.produced.bytes), (3, 3, 3));
//! # Ok(()) }
//! # tokio::runtime::Runtime::new().unwrap().block_on(tour()).unwrap();
//! ```

mod body;
mod drain;
mod image;
mod pour;

use futures_util::future::BoxFuture;
use imgpush_client::Error as ClientError;

pub use self::drain::drain;
pub(crate) use body::Meter;
pub use body::{Body, Cut};
pub use image::{ImageData, ImageSink};
pub use pour::{Poured, pour};

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
