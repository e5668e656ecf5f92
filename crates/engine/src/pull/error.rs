//! Errors of a download or a verification, and the state of the partial file after them.

use std::path::PathBuf;
use std::time::Duration;

use imgpush_client::Error as ClientError;
use imgpush_source::SourceError;

use crate::convert::ConversionError;
use crate::error::{ErrorKind, delegate_to_failure, kind_of_call};
use crate::integrity::IntegrityError;

/// Errors of the destination of a download.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// The file exists, and [`overwrite`](crate::DownloadOptions::overwrite) is not set.
    #[error("{} exists", .path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },

    /// The file exists, has other content than the image, and
    /// [`overwrite`](crate::DownloadOptions::overwrite) is not set.
    #[error("{} exists and has other content than the image", .path.display())]
    IsOther {
        /// The destination.
        path: PathBuf,
    },

    /// The file exists, and [`overwrite`](crate::DownloadOptions::overwrite) is not set. The image would be
    /// converted, so its digests say nothing about the file.
    #[error("{} exists, and a converted file cannot be compared with the image", .path.display())]
    NotCompared {
        /// The destination.
        path: PathBuf,
    },

    /// The path is a directory, a device or similar, which is never replaced.
    #[error("{} is not a regular file", .path.display())]
    NotAFile {
        /// The destination, or the partial file beside it.
        path: PathBuf,
    },

    /// Another download of the same run has written the file.
    #[error("another image of this command is already saved as {}", .path.display())]
    OfThisRun {
        /// The destination.
        path: PathBuf,
    },

    /// Another file has replaced the partial file while it was written.
    #[error("{} was replaced by another file while it was written", .path.display())]
    Replaced {
        /// The partial file.
        path: PathBuf,
    },

    /// Another download is writing the same partial file.
    #[error("{} is being written by another download", .path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },

    /// The partial file cannot be created or opened.
    #[error("cannot open {}", .path.display())]
    Open {
        /// The partial file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },

    /// The partial file of an earlier download cannot be read.
    #[error("cannot read {} at byte {at}", .path.display())]
    Read {
        /// The partial file.
        path: PathBuf,
        /// The position of the failed read, in bytes.
        at: u64,
        /// The cause.
        source: std::io::Error,
    },

    /// The disk is full, or a quota on it is exceeded.
    #[error("no space left to write {name} after byte {at}")]
    Full {
        /// The partial file, or the name of the writer.
        name: String,
        /// Bytes written before the failure.
        at: u64,
        /// The error of the system.
        source: std::io::Error,
    },

    /// A write failed.
    #[error("cannot write {name} after byte {at}")]
    Write {
        /// The partial file, or the name of the writer.
        name: String,
        /// Bytes written before the failure.
        at: u64,
        /// The cause.
        source: std::io::Error,
    },

    /// The partial file is complete and verified, but could not be renamed.
    #[error("cannot rename the complete download to {}", .path.display())]
    Rename {
        /// The destination.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// Why a connection ended before the last byte.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferInterrupted {
    /// A request to the service failed.
    #[error(transparent)]
    Client(ClientError),

    /// No data arrived for the idle time-out.
    #[error("no data was received for {seconds} s")]
    Stalled {
        /// The idle time-out, in seconds.
        seconds: u64,
    },

    /// The response starts after the requested byte.
    #[error("the answer begins at byte {first}, not at the requested byte {asked}")]
    Skipped {
        /// The requested byte.
        asked: u64,
        /// The first byte of the response.
        first: u64,
    },

    /// The response ended regularly, but before the last byte of the image.
    #[error("the answer ended at byte {at} of {size}")]
    Short {
        /// The position where it ended, in bytes.
        at: u64,
        /// The size of the image in bytes.
        size: u64,
    },
}

/// A download that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot download {image} from {cloud}")]
#[non_exhaustive]
pub struct PullError {
    /// The name of the image, or its id if it has no name.
    pub image: String,
    /// The id of the image.
    pub id: Box<str>,
    /// The name of the cloud.
    pub cloud: String,
    /// The cause.
    #[source]
    pub failure: Box<PullFailure>,
    /// The state of the data that was received.
    pub partial: PartialOutcome,
}

/// A verification that failed.
#[derive(Debug, thiserror::Error)]
#[error("verification of {image} on {cloud} failed")]
#[non_exhaustive]
pub struct VerificationError {
    /// The name of the image, or its id if it has no name.
    pub image: String,
    /// The id of the image.
    pub id: Box<str>,
    /// The name of the cloud.
    pub cloud: String,
    /// The cause.
    #[source]
    pub failure: Box<PullFailure>,
}

/// The cause of a failed download or verification.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullFailure {
    /// The data differs from the image, or cannot be compared with it.
    #[error(transparent)]
    Integrity(#[from] IntegrityError),

    /// A request to the service failed.
    #[error("cannot {during}")]
    Client {
        /// The operation that failed.
        during: &'static str,
        /// The error of the request.
        source: ClientError,
    },

    /// The connection broke or could not be established, and the retries brought no data.
    #[error("gave up at byte {at} after {attempts} requests, the last {retries} of them retries")]
    GaveUp {
        /// Bytes received, including those of an earlier download.
        at: u64,
        /// Number of requests in total.
        attempts: u32,
        /// Number of retries since the last byte that arrived.
        retries: u32,
        /// Why the last connection ended.
        source: TransferInterrupted,
    },

    /// The destination cannot be written.
    #[error(transparent)]
    Destination(DestinationError),

    /// The data cannot be converted, or the converted file cannot be written.
    #[error(transparent)]
    Conversion(ConversionError),

    /// The data is not the bytes of a disk image alone, so it is not converted.
    #[error("an image with the container_format {container_format} cannot be converted")]
    NotBare {
        /// The `container_format` of the image.
        container_format: String,
    },

    /// The partial file of an earlier download has another start than the image.
    #[error("the beginning of the partial file differs from the image")]
    OtherStart,

    /// The system cannot start a thread.
    #[error("cannot start a thread")]
    NoThread {
        /// The error of the system.
        source: std::io::Error,
    },

    /// The code of the download, or the receiver of its progress, panicked.
    #[error("internal error during the download: {reason}")]
    Panicked {
        /// The message of the panic.
        reason: String,
    },

    /// The system has no memory for a buffer.
    #[error("cannot allocate memory for a buffer")]
    Memory {
        /// The error of the system.
        source: std::io::Error,
    },

    /// The caller has cancelled the operation.
    #[error("interrupted")]
    Interrupted,
}

impl From<SourceError> for PullFailure {
    fn from(error: SourceError) -> Self {
        PullFailure::Integrity(error.into())
    }
}

impl PullFailure {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            PullFailure::Integrity(error) => error.kind(),
            PullFailure::Client { source, .. } => kind_of_call(source),
            PullFailure::GaveUp { .. } => ErrorKind::GaveUp,
            PullFailure::Conversion(error) => error.kind(),
            PullFailure::NotBare { .. } => ErrorKind::Format,
            PullFailure::Destination(
                DestinationError::Exists { .. }
                | DestinationError::IsOther { .. }
                | DestinationError::NotCompared { .. }
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

    /// Returns whether a retry may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            PullFailure::Integrity(error) => error.is_transient(),
            PullFailure::Client { source, .. } => source.is_transient(),
            PullFailure::GaveUp { .. } => true,
            _ => false,
        }
    }

    /// Returns how long to wait before a retry, if a server has sent `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            PullFailure::Integrity(error) => error.retry_after(),
            PullFailure::Client { source, .. } => source.retry_after(),
            _ => None,
        }
    }
}

delegate_to_failure!(PullError VerificationError);

/// The data that a failed download has left.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartialOutcome {
    /// No data.
    Nothing,
    /// A partial file. The same download resumes from it.
    Kept {
        /// The partial file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The partial file was wrong and has been deleted.
    Removed {
        /// The partial file.
        path: PathBuf,
    },
    /// The partial file is wrong and could not be deleted.
    Left {
        /// The partial file.
        path: PathBuf,
        /// Why it could not be deleted.
        reason: String,
    },
    /// A writer or a stream has received this number of bytes, but not the end of the image.
    Cut {
        /// Bytes written.
        bytes: u64,
    },
}

impl PartialOutcome {
    /// Returns the outcome after this number of bytes was written to a writer or a stream.
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
                "{bytes} bytes are kept in {}, and the same command resumes the download",
                path.display()
            ),
            PartialOutcome::Removed { path } => {
                write!(f, "the partial file {} was deleted", path.display())
            }
            PartialOutcome::Left { path, reason } => write!(
                f,
                "the partial file {} has wrong data and could not be deleted: {reason}",
                path.display()
            ),
            PartialOutcome::Cut { bytes } => {
                write!(f, "only the first {bytes} bytes of the image were written")
            }
        }
    }
}
