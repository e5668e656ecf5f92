//! Errors of conversions.

use std::io::ErrorKind as IoErrorKind;
use std::path::PathBuf;

use imgpush_source::{CustomError, ErrorKind, SourceError};

/// A virtual disk that cannot be converted.
///
/// While a disk is read, the error is the cause of a [`SourceError::Custom`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The disk needs something outside the image, or the image must be repaired first.
    #[error("the image cannot be converted: {text}")]
    Refused {
        /// The class of the reason.
        reason: RefusalReason,
        /// Offset of the field in the image, in bytes.
        at: u64,
        /// The reason.
        text: String,
    },

    /// The image ends before a part of the disk.
    #[error(
        "the image is truncated: {what} at byte {at} ends at byte {end}, after the end of the image"
    )]
    Truncated {
        /// The part: a table, a cluster.
        what: &'static str,
        /// Its offset in the image, in bytes.
        at: u64,
        /// Its end.
        end: u64,
    },

    /// A table or compressed data of the image is invalid.
    #[error("the image is damaged at byte {at}: {what}")]
    Damaged {
        /// Offset in the image, in bytes.
        at: u64,
        /// The problem.
        what: String,
    },

    /// The format is not supported.
    #[error("{what} cannot be converted")]
    Unsupported {
        /// The format, or the variant of a format.
        what: String,
    },

    /// A source without random access has its parts in another order than the disk.
    #[error(
        "byte {at} of the image is needed out of order, and a pipe or compressed image can only be read \
         once with up to {} MiB held in memory; use --spool DIR", .limit >> 20
    )]
    OutOfOrder {
        /// Offset in the image, in bytes.
        at: u64,
        /// The limit for held parts, in bytes.
        limit: u64,
    },

    /// The spool file cannot be written or read.
    #[error("the spool file in {} failed at byte {at}", .folder.display())]
    Spool {
        /// The folder of the file.
        folder: PathBuf,
        /// Offset in the spool file, in bytes.
        at: u64,
        /// The cause.
        source: std::io::Error,
    },

    /// The system has no memory for a buffer.
    #[error("no memory for a buffer")]
    Memory(#[source] std::io::Error),

    /// The image cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// The class of the reason why an image is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// Unallocated parts of the disk are in another image: backing files, differencing disks, undo disks.
    BackingFile,
    /// The data is in another file: external data files, extents of descriptors.
    ExternalData,
    /// The disk is encrypted.
    Encrypted,
    /// A log must be replayed first.
    Log,
    /// The image is valid as several formats, or is not of the expected format.
    Ambiguous,
    /// The image requires features that are not supported.
    UnknownFeatures,
    /// The header contradicts itself or the limits of the format.
    InvalidHeader,
    /// The size of the disk, or the position of its data, is known only at the end of a pipe.
    NeedsEnd,
}

impl ConvertError {
    /// Returns the class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            ConvertError::Refused { .. } | ConvertError::Unsupported { .. } => ErrorKind::Format,
            ConvertError::Truncated { .. } | ConvertError::Damaged { .. } => ErrorKind::Source,
            ConvertError::OutOfOrder { .. } => ErrorKind::Usage,
            ConvertError::Spool { source, .. } => kind_of_spool(source),
            ConvertError::Memory(_) => ErrorKind::Unexpected,
            ConvertError::Source(error) => error.kind(),
        }
    }

    /// Returns the offset in the image that the error is about, in bytes.
    #[must_use]
    pub fn at(&self) -> Option<u64> {
        match self {
            ConvertError::Refused { at, .. }
            | ConvertError::Truncated { at, .. }
            | ConvertError::Damaged { at, .. }
            | ConvertError::OutOfOrder { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Converts it to the error of the source with this name. Errors of the source itself stay unchanged.
    #[must_use]
    pub fn into_source_error(self, name: &str) -> SourceError {
        let (kind, at) = (self.kind(), self.at());
        match self {
            ConvertError::Source(error) => error,
            error => {
                let custom = CustomError::new(name, error).with_kind(kind);
                if let Some(at) = at { custom.with_position(at) } else { custom }.into()
            }
        }
    }

    pub(crate) fn damaged(at: u64, what: impl Into<String>) -> Self {
        ConvertError::Damaged { at, what: what.into() }
    }

    pub(crate) fn refused(reason: RefusalReason, at: u64, text: impl Into<String>) -> Self {
        ConvertError::Refused { reason, at, text: text.into() }
    }

    /// The error for a header that ends early or whose fields are impossible.
    pub(crate) fn invalid_header(at: u64, text: impl Into<String>) -> Self {
        ConvertError::refused(RefusalReason::InvalidHeader, at, text)
    }

    pub(crate) fn truncated(what: &'static str, at: u64, length: u64) -> Self {
        ConvertError::Truncated { what, at, end: at.saturating_add(length) }
    }
}

/// The class of an error of a temporary file: the folder is wrong, or the disk fails.
pub(crate) fn kind_of_spool(error: &std::io::Error) -> ErrorKind {
    match error.kind() {
        IoErrorKind::NotFound | IoErrorKind::PermissionDenied | IoErrorKind::NotADirectory => {
            ErrorKind::Usage
        }
        _ => ErrorKind::Unexpected,
    }
}
