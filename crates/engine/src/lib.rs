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
//! And out again, into a file that has its name only when its bytes are proved:
//!
//! ```no_run
//! use imgpush_engine::client::ImageClient;
//! use imgpush_engine::{CancellationToken, Download, DownloadOptions};
//!
//! # async fn tour(client: ImageClient) -> Result<(), Box<dyn std::error::Error>> {
//! let image = client.find_existing("noble").await?;
//! let report = Download::new(client, DownloadOptions::default())
//!     .to_file(&image, "noble.qcow2", &CancellationToken::new())
//!     .await?;
//! assert!(report.verified);
//! # Ok(()) }
//! ```
//!
//! [`Push`] and [`Download`] are the use cases, and their pages say what happens in which order;
//! [`Verification`] compares an image with a file or with its own data, [`Digesting`] hashes without a
//! cloud, [`Staging`] lays data ready for an import, [`proof`] holds a source to its published checksums.
//! Below them stand [`source`], the [`pool`] of buffers that is the memory budget, the pipeline
//! that joins reading, hashing and sending, and [`sink`].
//!
//! `unsafe` has one place here, the mapping of files; hence `deny` and not `forbid`.
#![deny(unsafe_code)]

mod body;
mod digest;
mod download;
mod error;
mod fetch;
mod formats;
mod intake;
mod part;
mod pipeline;
pub mod pool;
mod preflight;
mod progress;
pub mod proof;
mod push;
mod report;
mod runtime;
mod sending;
pub mod sink;
pub mod source;
mod staging;
mod verification;
mod verify;

pub use digest::{DigestOptions, DigestTask, Digested, Digesting};
pub use download::{Download, DownloadOptions, VerifiedStream};
pub use error::{
    Break, DestinationError, DownloadError, Failure, Fate, PushError, Remains, SourceError,
    StagingError, VerificationError,
};
pub use formats::{disk_format, inspect};
/// The Image client that pushes go through.
pub use imgpush_client as client;
pub use imgpush_digest::{Algorithm, Digest, Digests, Error as DigestError, Platform, Sums, sums};
/// What disk images are, and what is wrong with them.
pub use imgpush_formats as image_formats;
pub use pipeline::{FRAME_BYTES, Produced};
pub use progress::{NoProgress, Phase, Progress};
pub use push::{Push, PushOptions};
pub use report::{DownloadReport, Note, Report, StagingReport, VerificationReport};
pub use staging::{Staging, StagingOptions};
pub use tokio_util::sync::CancellationToken;
pub use verification::Verification;
