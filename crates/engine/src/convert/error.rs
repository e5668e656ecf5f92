//! Errors of a conversion into a file.

use std::io::ErrorKind as IoErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use imgpush_source::{ErrorKind, SourceError};

/// Why a file was not written. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// The source cannot be read, or cannot be converted.
    #[error(transparent)]
    Source(Arc<SourceError>),

    /// The destination exists.
    #[error("{} exists", .path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },

    /// The destination is a directory, a device or similar, which is never replaced.
    #[error("{} is not a regular file", .path.display())]
    NotAFile {
        /// The destination.
        path: PathBuf,
    },

    /// The file cannot be created or written.
    #[error("cannot write {}", .path.display())]
    Output {
        /// The destination.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },

    /// The conversion was cancelled.
    #[error("interrupted")]
    Interrupted,
}

impl ConversionError {
    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            ConversionError::Source(error) => error.kind(),
            ConversionError::Exists { .. } | ConversionError::NotAFile { .. } => ErrorKind::Usage,
            ConversionError::Output { source, .. } => match source.kind() {
                IoErrorKind::NotFound
                | IoErrorKind::PermissionDenied
                | IoErrorKind::IsADirectory => ErrorKind::Usage,
                _ => ErrorKind::Unexpected,
            },
            ConversionError::Interrupted => ErrorKind::Interrupted,
        }
    }
}

impl From<SourceError> for ConversionError {
    fn from(error: SourceError) -> Self {
        ConversionError::Source(Arc::new(error))
    }
}
