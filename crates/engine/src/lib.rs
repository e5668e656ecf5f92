//! From a source to an image that is proved: read once, recognised, hashed while it is sent,
//! compared with what the server says.
//!
//! ```no_run
//! use imgpush_engine::client::{Cloud, CloudOptions, ImageClient};
//! use imgpush_engine::{CancellationToken, Push, PushOptions, source::FileSource};
//!
//! # async fn tour() -> Result<(), Box<dyn std::error::Error>> {
//! let cloud = Cloud::load(&CloudOptions::named(Some("mycloud".into())))?;
//! let client = ImageClient::connect(&cloud).await?;
//! let source = FileSource::open("noble.qcow2")?;
//!
//! let report = Push::new(client, PushOptions::named("noble"))
//!     .on_cloud(cloud.name())
//!     .run(Box::new(source), &CancellationToken::new())
//!     .await?;
//! assert!(report.verified);
//! # Ok(()) }
//! ```
//!
//! [`Push`] is the use case, and its page says what happens in which order; [`Digesting`] is the other
//! one, without a cloud. Below them stand [`source`], the [`pool`] of buffers that is the memory budget,
//! the pipeline that joins reading, hashing and sending, and [`sink`].
//!
//! `unsafe` has no place here yet; `deny` and not `forbid`, since mapped files will need some.
#![deny(unsafe_code)]

mod body;
mod digest;
mod error;
mod formats;
mod pipeline;
pub mod pool;
mod preflight;
mod progress;
mod push;
mod report;
pub mod sink;
pub mod source;
mod verify;

pub use digest::{DigestOptions, DigestTask, Digested, Digesting};
pub use error::{Failure, Fate, PushError, SourceError};
/// The Image client that pushes go through.
pub use imgpush_client as client;
pub use imgpush_digest::{Algorithm, Digest, Digests, Error as DigestError, Platform, Sums, sums};
pub use pipeline::{FRAME_BYTES, Produced};
pub use progress::{NoProgress, Phase, Progress};
pub use push::{Push, PushOptions};
pub use report::Report;
pub use tokio_util::sync::CancellationToken;
