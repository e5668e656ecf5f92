//! Uploads disk images to OpenStack Glance and downloads them, with end-to-end verification; the library
//! behind `imgpush`.
//!
//! A push reads the source once, unless a retry or another hash algorithm needs a further pass. It detects the
//! disk format, hashes the bytes while it uploads them, and compares the digests with those that Glance reports.
//!
//! ```no_run
//! use imgpush_engine::client::{Cloud, CloudOptions};
//! use imgpush_engine::{CancellationToken, Push, PushOptions, RetryOptions, Target, source};
//!
//! # async fn tour() -> Result<(), Box<dyn std::error::Error>> {
//! let cloud = Cloud::load(&CloudOptions::named(Some("mycloud".into())))?;
//! let target = Target::connect(&cloud, &RetryOptions::default()).await?;
//! let source = source::open("noble.qcow2".as_ref(), &source::SourceOptions::default()).await?;
//!
//! let options = PushOptions::named("noble").with_property("os_distro", "ubuntu").with_tag("daily");
//! let report = Push::to(target, options).run(source, &CancellationToken::new()).await?;
//! assert!(report.verified);
//! # Ok(()) }
//! ```
//!
//! To upload to several clouds, with one pass over the source, use [`MultiPush`].
//!
//! To download an image to a file that gets its name only after verification:
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
//! # Overview
//!
//! | task | types |
//! |---|---|
//! | Upload an image to one or several clouds | [`Push`], [`MultiPush`]; the [`Target`] sets the upload method ([`Via`]) and the [`Stores`] |
//! | Upload, download or verify many images concurrently | [`Batch`] |
//! | Divide a batch among many machines | [`Shard`] |
//! | Measure which settings suit a machine and a cloud | [`Tuning`] |
//! | Download an image | [`Download`] |
//! | Repeat a push: existing images, concurrent runs, runs that were killed | [`IfExists`], [`Earlier`], [`Records`] |
//! | Compare an image with a file, or with its own digests | [`Verification`] |
//! | Stage the data of an image for an import | [`Staging`] |
//! | Compute digests without a cloud | [`Digesting`] |
//! | Convert virtual disks to raw, or raw disks to qcow2, for a push or into a file | [`Conversion`] |
//! | Detect the format of an image | [`inspect()`] |
//! | Verify a source against published checksums | [`checksum`] |
//! | Read from a custom source, write to a custom destination | the traits [`Source`](source::Source) and [`Sink`](sink::Sink), connected by [`pour`](sink::pour) |
//! | Display progress | the trait [`Progress`] |
//!
//! # Cancellation
//!
//! A [`CancellationToken`] stops a push at once and cleans up. Dropping the future also stops the upload,
//! without the cleanup. Neither leaves an active image with incomplete data. The section *Cancel safety* of
//! each method says what is left.
//!
//! # Logging
//!
//! The crate emits spans and events of [`tracing`], without secrets. The spans are nested: `push` (source,
//! number of targets), `target` (cloud), `attempt` (image, number). Phases and findings are logged at `info`,
//! retries at `warn`, requests at `debug`.
//!
//! # Limits
//!
//! The [`pool`] bounds the memory, whatever the size of the image and the number of targets; the window of a
//! decompressor is added to that. One thread reads each source. Concurrent pushes share nothing; the tasks of
//! a [`Batch`] share the memory and the SIMD lanes of the hashers.
#![forbid(unsafe_code)]

mod batch;
mod caught;
mod convert;
mod digest;
mod error;
mod holes;
mod inspect;
mod integrity;
mod named_enum;
mod progress;
mod pull;
mod push;
mod resources;
mod retry;
mod setters;
mod shard;
mod timing;
mod transfer;

// Crates and types that appear in signatures of this crate.
pub use ::bytes;
pub use ::http_body;
pub use ::tokio;
pub use futures_util::{Stream, future::BoxFuture};
pub use tokio_util::sync::CancellationToken;

pub use batch::tune::{Settings, Trial, TuneError, TuneOptions, TuneReport, Tuning};
pub use batch::{
    Batch, BatchEvent, BatchOptions, BatchSummary, BatchTask, JournalError, OnFailure, Outcome,
    PullTask, PushTask, RunningBatch, TaskResult, TaskTarget, VerifyTask,
};
pub use convert::{Conversion, ConversionError, ConvertedFile, OutputFormat};
pub use digest::{DigestOptions, DigestTask, Digested, Digesting};
pub use error::{ErrorKind, causes, exit_code, kind_of_call};
/// The Glance client that this crate uses.
pub use imgpush_client as client;
/// Readers of virtual disks, and a writer of qcow2.
pub use imgpush_convert as disks;
pub use imgpush_digest::{Algorithm, Digest, Digests, Error as DigestError, Platform};
/// Detection and inspection of disk image formats.
pub use imgpush_formats as image_formats;
/// Sources of image data: files, HTTP, standard input, decompression.
pub use imgpush_source as source;
pub use imgpush_source::checksum::{Sums, notation as sums};
pub use imgpush_source::{SourceError, checksum, pool};
pub use inspect::inspect;
pub use integrity::{IntegrityError, Produced, VerifiedBy};
pub use progress::{NoProgress, Phase, Progress, Retrying};
pub use pull::error::{
    DestinationError, PartialOutcome, PullError, PullFailure, TransferInterrupted,
    VerificationError,
};
pub use pull::report::{ComparedWith, DownloadReport, VerificationReport};
pub use pull::verify::Verification;
pub use pull::{Download, DownloadOptions, Sparse, VerifiedStream};
pub use push::error::{PushError, PushFailure, RecordOutcome, StagingError};
pub use push::format_check::disk_format;
pub use push::format_error::FormatError;
pub use push::if_exists::{IfExists, Replaced, Retire, Retirement};
pub use push::ledger::{Earlier, Records};
pub use push::options::PushOptions;
pub use push::overrides::PushOverrides;
pub use push::report::{Note, NoteId, PushAction, Report, StagingReport};
pub use push::stage::{Staging, StagingOptions};
pub use push::target::{Stores, Target, UploadMethod, Via};
pub use push::{MultiPush, Push};
pub use retry::RetryOptions;
pub use shard::{Shard, ShardError};
pub use timing::{Bottleneck, Stages, Timeline, Timing};
pub use transfer::sink::FRAME_BYTES;
pub use transfer::{Slowest, TransferError, sink};
