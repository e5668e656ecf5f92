//! Destinations of image data: the trait [`Sink`] for custom ones, and [`ImageSink`] for Glance.
//!
//! [`pour`] reads a source once, hashes it, and writes it to any number of sinks.
//!
//! ```
//! use futures_util::future::BoxFuture;
//! use imgpush_engine::Algorithm;
//! use imgpush_engine::pool::Pool;
//! use imgpush_engine::sink::{Body, Sink, SinkError, pour};
//! use imgpush_engine::source::ReaderSource;
//!
//! /// Counts the bytes and discards them.
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
mod target;

pub use self::drain::drain;
pub(crate) use body::Meter;
pub use body::{Body, Cut, FRAME_BYTES};
pub use image::{ImageData, ImageSink};
pub use pour::{Poured, pour};
pub use target::{Sink, SinkError};
