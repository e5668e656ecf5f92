//! Data that is not what the image service says it is.

use std::sync::Arc;
use std::time::Duration;

use imgpush_client::Status;
use imgpush_source::SourceError;

use crate::error::ErrorKind;

/// Data and image are not the same, or cannot be compared.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntegrityError {
    /// The source that is compared.
    #[error(transparent)]
    Source(Arc<SourceError>),

    /// The server holds something else than what was sent.
    #[error("the server's {field} is {found}, expected {expected}")]
    Mismatch {
        /// The field of the image.
        field: &'static str,
        /// What was computed from the bytes sent.
        expected: String,
        /// What the server says.
        found: String,
    },

    /// Data, downloaded or of a file, is not what the image says.
    #[error("{what} has {field} {found}, the image has {expected}")]
    Differs {
        /// The data.
        what: String,
        /// The field of the image.
        field: &'static str,
        /// What the image says.
        expected: String,
        /// What was computed from the data.
        found: String,
    },

    /// The image is in a status in which its data is not to be had, or is not there.
    #[error("the image is {status}{}", because(.status))]
    NotAvailable {
        /// Its status.
        status: Status,
    },

    /// What the server says cannot be compared.
    #[error("cannot verify: {reason}")]
    CannotVerify {
        /// Why not.
        reason: String,
    },

    /// The caller cancelled it.
    #[error("interrupted")]
    Interrupted,
}

impl IntegrityError {
    /// What it amounts to.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            IntegrityError::Source(error) => error.kind(),
            IntegrityError::Mismatch { .. } | IntegrityError::Differs { .. } => {
                ErrorKind::ServerDiffers
            }
            IntegrityError::NotAvailable { .. } => ErrorKind::Refused,
            IntegrityError::CannotVerify { .. } => ErrorKind::CannotVerify,
            IntegrityError::Interrupted => ErrorKind::Interrupted,
        }
    }

    /// Whether the same comparison may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, IntegrityError::Source(error) if error.is_transient())
    }

    /// How long to wait before that, where a server says.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            IntegrityError::Source(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl From<SourceError> for IntegrityError {
    fn from(error: SourceError) -> Self {
        IntegrityError::Source(Arc::new(error))
    }
}

/// What keeps an image in that status from being read.
fn because(status: &Status) -> &'static str {
    match status {
        Status::Deactivated => ", which closes it to downloads",
        Status::Queued | Status::Saving | Status::Uploading | Status::Importing => {
            ": its data is not there yet"
        }
        _ => "",
    }
}
