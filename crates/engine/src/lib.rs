//! From a source to an image that is proved: read once, recognised, hashed while it is sent,
//! compared with what the server says.
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
//! Into several clouds, read once and hashed once: [`MultiPush`].
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
//! # What to open
//!
//! | for | there is |
//! |---|---|
//! | an image into one cloud, or several | [`Push`], [`MultiPush`], to a [`Target`] [`Via`] a way and into [`Stores`] |
//! | many images to push, download or verify, as many at a time as the machine and the clouds take | [`Batch`] |
//! | which settings suit a machine and a cloud | [`Tuning`] |
//! | an image out of a cloud | [`Download`] |
//! | a push that is run again, by several or behind one that was killed | [`IfExists`], [`Earlier`], [`Records`] |
//! | whether an image is what a file is, or still what it was | [`Verification`] |
//! | data laid ready for an import | [`Staging`] |
//! | digests without a cloud | [`Digesting`] |
//! | what an image is | [`inspect()`] |
//! | a source held to its published checksums | [`checksum`] |
//! | bytes from elsewhere, and to elsewhere | the traits [`Source`](source::Source) and [`Sink`](sink::Sink), joined by [`pour`](sink::pour) |
//! | showing how far it is | the trait [`Progress`] |
//!
//! # Being given up
//!
//! A [`CancellationToken`] ends a push at once and cleans up behind it; a future that is dropped instead
//! ends the sending too, and never leaves an active image with a part of its data. Each method says what
//! it leaves under *Cancel safety*.
//!
//! # What it logs
//!
//! Spans and events of [`tracing`], without secrets: `push` (source, number of targets) around `target`
//! (cloud) around `attempt` (image, number); phases and findings at `info`, new tries at `warn`, requests
//! at `debug`.
//!
//! # Limits
//!
//! Memory is the [`pool`]'s, whatever the size and the number of targets; what unpacking looks back over
//! comes on top. One source is read by one thread. Pushes that go at once share nothing; the
//! tasks of a [`Batch`] share the memory and the vector registers.
//!
#![forbid(unsafe_code)]

mod batch;
mod caught;
mod digest;
mod error;
mod inspect;
mod integrity;
mod named_enum;
mod progress;
mod pull;
mod push;
mod resources;
mod retry;
mod setters;
mod timing;
mod transfer;

// What signatures here are made of.
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
pub use digest::{DigestOptions, DigestTask, Digested, Digesting};
pub use error::{ErrorKind, exit_code, kind_of_call};
/// The Image client that pushes go through.
pub use imgpush_client as client;
pub use imgpush_digest::{Algorithm, Digest, Digests, Error as DigestError, Platform};
/// What disk images are, and what is wrong with them.
pub use imgpush_formats as image_formats;
/// Where the bytes of images come from.
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
pub use timing::{Bottleneck, Stages, Timeline, Timing};
pub use transfer::sink::FRAME_BYTES;
pub use transfer::{Slowest, TransferError, sink};
