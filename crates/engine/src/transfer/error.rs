//! Errors of a transfer.

use std::sync::Arc;
use std::time::Duration;

use imgpush_client::Error as ClientError;
use imgpush_source::SourceError;

use crate::error::{ErrorKind, kind_of_call};

/// Why a transfer failed. The same type is used from the pass over the source to the report.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The source failed. All targets of the pass share the error.
    #[error(transparent)]
    Source(Arc<SourceError>),

    /// The gate of the branch has withheld the last chunk; the owner of the gate reports the reason.
    #[error("the end of the data was not sent")]
    Withheld,

    /// The receiver has closed its branch.
    #[error("the upload was cancelled")]
    Unwanted,

    /// A request to the service failed.
    #[error("cannot {during}")]
    Client {
        /// The operation that failed.
        during: &'static str,
        /// The error of the request.
        source: Arc<ClientError>,
    },

    /// The target slowed down the others for longer than [`Slowest`](crate::Slowest) allows.
    #[error("the upload was stopped because it was too slow for the other clouds")]
    TooSlow,

    /// The connection broke during the upload.
    #[error("the connection broke after up to {sent} bytes; {state}")]
    Broken {
        /// Bytes handed to the connection.
        sent: u64,
        /// The status of the image afterwards.
        state: String,
        /// The error of the request, if there is one.
        source: Option<Arc<ClientError>>,
    },

    /// The connection accepted no data for the idle time-out.
    #[error("no data was sent for {seconds} s after {sent} bytes; {state}")]
    Stalled {
        /// The idle time-out, in seconds.
        seconds: u64,
        /// Bytes handed to the connection.
        sent: u64,
        /// The status of the image afterwards.
        state: String,
    },

    /// The service did not respond in time after the last byte.
    #[error("the service did not answer within {seconds} s after the last byte; {state}")]
    Unanswered {
        /// The finish time-out, in seconds.
        seconds: u64,
        /// The status of the image afterwards.
        state: String,
    },

    /// The code of the transfer panicked.
    #[error("internal error during the upload: {reason}")]
    Panicked {
        /// The message of the panic.
        reason: String,
    },

    /// The data cannot be sent again, because the source can be read only once.
    #[error("cannot retry: {name} can be read only once")]
    ReadOnce {
        /// The name of the source.
        name: String,
        /// The failure of the upload; `None` if the source would only have to be read.
        source: Option<Box<TransferError>>,
    },
}

impl TransferError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            TransferError::Source(error) => error.kind(),
            TransferError::Client { source, .. } => kind_of_call(source),
            TransferError::TooSlow
            | TransferError::Broken { .. }
            | TransferError::Stalled { .. }
            | TransferError::Unanswered { .. } => ErrorKind::GaveUp,
            TransferError::ReadOnce { source: Some(source), .. } => source.kind(),
            TransferError::ReadOnce { source: None, .. } => ErrorKind::CannotVerify,
            TransferError::Withheld | TransferError::Unwanted | TransferError::Panicked { .. } => {
                ErrorKind::Unexpected
            }
        }
    }

    /// Returns whether a retry of the transfer may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            TransferError::Source(error) => error.is_transient(),
            TransferError::Client { source, .. } => source.is_transient(),
            TransferError::TooSlow
            | TransferError::Broken { .. }
            | TransferError::Stalled { .. }
            | TransferError::Unanswered { .. } => true,
            _ => false,
        }
    }

    /// Whether the error is one of the source that a second read may avoid.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        matches!(self, TransferError::Source(error) if error.is_worth_a_retry())
    }

    /// Returns how long to wait before a retry, if a server has sent `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            TransferError::Source(error) => error.retry_after(),
            TransferError::Client { source, .. } => source.retry_after(),
            _ => None,
        }
    }

    /// Returns the error without [`ReadOnce`](TransferError::ReadOnce) around it.
    #[must_use]
    pub fn root(&self) -> &TransferError {
        match self {
            TransferError::ReadOnce { source: Some(source), .. } => source.root(),
            error => error,
        }
    }
}

impl From<SourceError> for TransferError {
    fn from(error: SourceError) -> Self {
        TransferError::Source(Arc::new(error))
    }
}
