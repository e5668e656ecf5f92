//! What can go wrong with a download or a verification, and what it left behind.

use std::path::PathBuf;
use std::time::Duration;

use imgpush_client::Error as ClientError;
use imgpush_source::SourceError;

use crate::error::{ErrorKind, as_its_failure, kind_of_call};
use crate::integrity::IntegrityError;

/// A place that an image cannot be written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// Something is there already, and nobody said that it may be replaced.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },

    /// A file is there already that is not the image, and nobody said that it may be replaced.
    #[error("{} exists already, and is not this image", .path.display())]
    IsOther {
        /// The destination.
        path: PathBuf,
    },

    /// What is there is a directory, a device or the like, which is never replaced.
    #[error("{} is not a regular file", .path.display())]
    NotAFile {
        /// The destination, or the partial file beside it.
        path: PathBuf,
    },

    /// Another download of the same run has written the file.
    #[error("{} is the file of another image of this run", .path.display())]
    OfThisRun {
        /// The destination.
        path: PathBuf,
    },

    /// Another file has taken the path of the partial file while it was written.
    #[error("{} was replaced by another file while it was written", .path.display())]
    Replaced {
        /// The partial file.
        path: PathBuf,
    },

    /// Another download writes the same partial file.
    #[error("{} is being written by another download", .path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },

    /// The partial file cannot be made or opened.
    #[error("cannot open {}", .path.display())]
    Open {
        /// The partial file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },

    /// What an earlier download left cannot be read.
    #[error("cannot read {} at byte {at}", .path.display())]
    Read {
        /// The partial file.
        path: PathBuf,
        /// Where.
        at: u64,
        /// Why.
        source: std::io::Error,
    },

    /// The disk, or a quota on it, is full.
    #[error("no space is left for {name} behind byte {at}")]
    Full {
        /// The partial file, or what the caller calls the writer.
        name: String,
        /// Bytes written before.
        at: u64,
        /// What the system says.
        source: std::io::Error,
    },

    /// Writing failed.
    #[error("cannot write {name} behind byte {at}")]
    Write {
        /// The partial file, or what the caller calls the writer.
        name: String,
        /// Bytes written before.
        at: u64,
        /// Why.
        source: std::io::Error,
    },

    /// The partial file is whole and proved, but could not be given its name.
    #[error("cannot rename the finished download to {}", .path.display())]
    Rename {
        /// The destination.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Why a connection that brought an image has ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferInterrupted {
    /// The service, or the way to it.
    #[error(transparent)]
    Client(ClientError),

    /// It brought nothing for too long.
    #[error("no byte came for {seconds} seconds")]
    Stalled {
        /// So long.
        seconds: u64,
    },

    /// It begins behind the byte asked for.
    #[error("the answer begins at byte {first}, not at {asked}")]
    Skipped {
        /// The byte asked for.
        asked: u64,
        /// The first byte of the answer.
        first: u64,
    },

    /// It ended well, but short of the size of the image.
    #[error("the answer ended at byte {at} of {size}")]
    Short {
        /// Where it ended.
        at: u64,
        /// The size of the image.
        size: u64,
    },
}

/// A download that did not end with proved data.
#[derive(Debug, thiserror::Error)]
#[error("download of {image} from {cloud} failed")]
#[non_exhaustive]
pub struct PullError {
    /// The name of the image, or its id where it has none.
    pub image: String,
    /// Where it was to come from.
    pub cloud: String,
    /// What went wrong.
    #[source]
    pub failure: Box<PullFailure>,
    /// What became of the bytes that had come.
    pub partial: PartialOutcome,
}

/// A verification that did not end with a proof.
#[derive(Debug, thiserror::Error)]
#[error("verification of {image} on {cloud} failed")]
#[non_exhaustive]
pub struct VerificationError {
    /// The name of the image, or its id where it has none.
    pub image: String,
    /// Where the image is.
    pub cloud: String,
    /// What went wrong.
    #[source]
    pub failure: Box<PullFailure>,
}

/// What went wrong with a download or a verification.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullFailure {
    /// The data is not what the image says, or cannot be compared.
    #[error(transparent)]
    Integrity(#[from] IntegrityError),

    /// The service, or the way to it.
    #[error("{during} failed")]
    Client {
        /// What was being done.
        during: &'static str,
        /// What the client says.
        source: ClientError,
    },

    /// The connection broke, or could not be made, and trying again brought no byte.
    #[error("given up at byte {at} after {attempts} requests, the last {retries} of them retries")]
    GaveUp {
        /// Bytes received, or there before.
        at: u64,
        /// Requests in all.
        attempts: u32,
        /// Retries since the last byte that came.
        retries: u32,
        /// Why the last connection ended.
        source: TransferInterrupted,
    },

    /// The place to write to.
    #[error(transparent)]
    Destination(DestinationError),

    /// The partial file of an earlier download does not begin as the image does.
    #[error("the partial file does not begin as the image does")]
    OtherStart,

    /// The system starts no more threads.
    #[error("cannot start a thread")]
    NoThread {
        /// What it says.
        source: std::io::Error,
    },

    /// The code that downloads, or the receiver of its progress, panicked.
    #[error("the download failed by a panic: {reason}")]
    Panicked {
        /// What the panic says.
        reason: String,
    },

    /// The system has no memory for a buffer.
    #[error("no memory for a buffer")]
    Memory {
        /// What it says.
        source: std::io::Error,
    },

    /// The caller gave up.
    #[error("interrupted")]
    Interrupted,
}

impl From<SourceError> for PullFailure {
    fn from(error: SourceError) -> Self {
        PullFailure::Integrity(error.into())
    }
}

impl PullFailure {
    /// What it amounts to.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            PullFailure::Integrity(error) => error.kind(),
            PullFailure::Client { source, .. } => kind_of_call(source),
            PullFailure::GaveUp { .. } => ErrorKind::GaveUp,
            PullFailure::Destination(
                DestinationError::Exists { .. }
                | DestinationError::IsOther { .. }
                | DestinationError::OfThisRun { .. }
                | DestinationError::NotAFile { .. },
            ) => ErrorKind::Usage,
            PullFailure::Destination(_)
            | PullFailure::OtherStart
            | PullFailure::NoThread { .. }
            | PullFailure::Panicked { .. }
            | PullFailure::Memory { .. } => ErrorKind::Unexpected,
            PullFailure::Interrupted => ErrorKind::Interrupted,
        }
    }

    /// Whether the same download may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            PullFailure::Integrity(error) => error.is_transient(),
            PullFailure::Client { source, .. } => source.is_transient(),
            PullFailure::GaveUp { .. } => true,
            _ => false,
        }
    }

    /// How long to wait before that, where a server says.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            PullFailure::Integrity(error) => error.retry_after(),
            PullFailure::Client { source, .. } => source.retry_after(),
            _ => None,
        }
    }
}

as_its_failure!(PullError VerificationError);

/// What a download that failed has left of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartialOutcome {
    /// No byte.
    Nothing,
    /// A partial file. The same download, run again, goes on behind it.
    Kept {
        /// The partial file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The partial file was wrong and has been removed.
    Removed {
        /// The partial file.
        path: PathBuf,
    },
    /// The partial file is wrong and could not be removed.
    Left {
        /// The partial file.
        path: PathBuf,
        /// Why it could not be removed.
        reason: String,
    },
    /// A writer or a stream got so many bytes, but not the end of the image.
    Cut {
        /// Bytes handed out.
        bytes: u64,
    },
}

impl PartialOutcome {
    /// Of what was handed out and cannot be taken back.
    pub(crate) fn cut(bytes: u64) -> Self {
        if bytes == 0 { PartialOutcome::Nothing } else { PartialOutcome::Cut { bytes } }
    }
}

impl std::fmt::Display for PartialOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PartialOutcome::Nothing => f.write_str("nothing was written"),
            PartialOutcome::Kept { path, bytes } => write!(
                f,
                "{bytes} bytes are kept in {}; the same download goes on from there",
                path.display()
            ),
            PartialOutcome::Removed { path } => {
                write!(f, "the partial file {} was removed", path.display())
            }
            PartialOutcome::Left { path, reason } => write!(
                f,
                "the partial file {} is wrong and could not be removed: {reason}",
                path.display()
            ),
            PartialOutcome::Cut { bytes } => {
                write!(f, "{bytes} bytes were handed out, the end of the image was not")
            }
        }
    }
}
