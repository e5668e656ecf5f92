//! Errors of the verification.

use std::sync::Arc;
use std::time::Duration;

use imgpush_client::Status;
use imgpush_source::SourceError;

use crate::error::ErrorKind;

/// The data differs from the image, or they cannot be compared.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntegrityError {
    /// The source of the comparison failed.
    #[error(transparent)]
    Source(Arc<SourceError>),

    /// The image differs from the data that was sent.
    #[error("the image record has {field} {found}, expected {expected}")]
    Mismatch {
        /// The field of the image.
        field: &'static str,
        /// The value computed from the data.
        expected: String,
        /// The value of the image.
        found: String,
    },

    /// The service has changed the image while it stored it, and the result differs from what the source gives.
    #[error(
        "the service stored the image {what}, but the image record has {field} {found}, expected {expected}"
    )]
    WronglyConverted {
        /// What the service has done, such as "converted to raw".
        what: String,
        /// The field of the image.
        field: &'static str,
        /// The value computed from the source.
        expected: String,
        /// The value of the image.
        found: String,
    },

    /// Downloaded data, or a file, differs from the image.
    #[error("{what} has {field} {found}, but the image has {expected}")]
    Differs {
        /// The name of the data.
        what: String,
        /// The field of the image.
        field: &'static str,
        /// The value of the image.
        expected: String,
        /// The value computed from the data.
        found: String,
    },

    /// The data of the image is not available, or does not exist yet.
    #[error("the image is {status}{}", because(.status))]
    NotAvailable {
        /// The status of the image.
        status: Status,
    },

    /// The fields of the image cannot be compared.
    #[error("cannot verify the image: {reason}")]
    CannotVerify {
        /// The reason.
        reason: String,
    },

    /// The caller has cancelled the operation.
    #[error("interrupted")]
    Interrupted,
}

impl IntegrityError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            IntegrityError::Source(error) => error.kind(),
            IntegrityError::Mismatch { .. }
            | IntegrityError::WronglyConverted { .. }
            | IntegrityError::Differs { .. } => ErrorKind::ServerDiffers,
            IntegrityError::NotAvailable { .. } => ErrorKind::Refused,
            IntegrityError::CannotVerify { .. } => ErrorKind::CannotVerify,
            IntegrityError::Interrupted => ErrorKind::Interrupted,
        }
    }

    /// Returns whether a retry of the comparison may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, IntegrityError::Source(error) if error.is_transient())
    }

    /// Returns how long to wait before a retry, if a server has sent `Retry-After`.
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

/// Describes why an image of this status cannot be read.
fn because(status: &Status) -> &'static str {
    match status {
        Status::Deactivated => ": it cannot be downloaded",
        Status::Queued | Status::Saving | Status::Uploading | Status::Importing => {
            ": it has no data yet"
        }
        _ => "",
    }
}
