//! Data that did not arrive.

use std::sync::Arc;
use std::time::Duration;

use imgpush_client::Error as ClientError;
use imgpush_source::SourceError;

use crate::error::{ErrorKind, kind_of_call};

/// Why the data of a source did not arrive: the one type of failure from the pass over the source to the
/// report.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The source. All targets that it was sent to share the error.
    #[error(transparent)]
    Source(Arc<SourceError>),

    /// The gate of the branch withheld the last chunk, and says itself why.
    #[error("the end of the data was withheld")]
    Withheld,

    /// The receiver closed its branch.
    #[error("the data was no longer wanted")]
    Unwanted,

    /// The service, or the way to it.
    #[error("{during} failed")]
    Client {
        /// What was being done.
        during: &'static str,
        /// What the client says.
        source: Arc<ClientError>,
    },

    /// The image kept the others waiting, which nobody wanted.
    #[error("it was too slow for the other targets")]
    TooSlow,

    /// The connection broke while bytes were sent.
    #[error("the connection broke after up to {sent} bytes; {state}")]
    Broken {
        /// Bytes handed to the connection.
        sent: u64,
        /// What the image shows afterwards.
        state: String,
        /// What the client says.
        source: Option<Arc<ClientError>>,
    },

    /// The connection took no more bytes, or the server never answered.
    #[error("nothing moved for {seconds} seconds after {sent} bytes; {state}")]
    Stalled {
        /// Seconds without movement.
        seconds: u64,
        /// Bytes handed to the connection.
        sent: u64,
        /// What the image shows afterwards.
        state: String,
    },

    /// The service did not answer in time after the last byte.
    #[error("no response {seconds} seconds after the last byte; {state}")]
    Unanswered {
        /// The finish time-out, in seconds.
        seconds: u64,
        /// What the image shows afterwards.
        state: String,
    },

    /// The code that transferred it panicked.
    #[error("the transfer failed by a panic: {reason}")]
    Panicked {
        /// What the panic says.
        reason: String,
    },

    /// The data cannot be sent again, since the source can be read only once.
    #[error("it is not sent again, since {name} cannot be read a second time")]
    ReadOnce {
        /// The source.
        name: String,
        /// Why it would have to be sent again; none where it would only have to be read.
        source: Option<Box<TransferError>>,
    },
}

impl TransferError {
    /// What it amounts to.
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

    /// Whether the same transfer may succeed later.
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

    /// Whether the source should be read again because of it.
    pub(crate) fn is_worth_a_retry(&self) -> bool {
        matches!(self, TransferError::Source(error) if error.is_worth_a_retry())
    }

    /// How long to wait before that, where a server says.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            TransferError::Source(error) => error.retry_after(),
            TransferError::Client { source, .. } => source.retry_after(),
            _ => None,
        }
    }

    /// Without [`ReadOnce`](TransferError::ReadOnce) around it.
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
