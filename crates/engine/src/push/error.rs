//! Errors of a push or a staging, and the state of the image record after them.
//!
//! The modules below `push` return a [`PushFailure`]; `push::job` and `push::stage` wrap it with the state of
//! the record.

use std::sync::Arc;
use std::time::Duration;

use imgpush_client::{Error as ClientError, InvalidAttribute, Status};
use imgpush_formats::Finding;
use imgpush_source::{BoxError, SourceError};

use super::format_error::FormatError;
use crate::error::{ErrorKind, delegate_to_failure, kind_of_call};
use crate::integrity::IntegrityError;
use crate::timing::Timing;
use crate::transfer::TransferError;

/// A push that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", what_failed(self))]
#[non_exhaustive]
pub struct PushError {
    /// The name of the source.
    pub source_name: Box<str>,
    /// The name of the cloud.
    pub cloud: Box<str>,
    /// Number of upload attempts, including incomplete ones.
    pub attempts: u32,
    /// The cause.
    #[source]
    pub failure: Box<PushFailure>,
    /// The state of the record after the failure.
    pub outcome: RecordOutcome,
    /// The time spent in each stage until the failure.
    pub timing: Box<Timing>,
}

/// A staging that failed. The record is unchanged.
#[derive(Debug, thiserror::Error)]
#[error("cannot stage {source_name} for image {image} on {cloud}")]
#[non_exhaustive]
pub struct StagingError {
    /// The name of the source.
    pub source_name: String,
    /// The name of the image, or its id if it has no name.
    pub image: String,
    /// The name of the cloud.
    pub cloud: String,
    /// The cause.
    #[source]
    pub failure: Box<PushFailure>,
}

/// The cause of a failed push or staging.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushFailure {
    /// The transfer of the data failed.
    #[error(transparent)]
    Transfer(#[from] TransferError),

    /// The image differs from the data that was sent, or cannot be compared with it.
    #[error(transparent)]
    Integrity(#[from] IntegrityError),

    /// The format of the data is rejected.
    #[error(transparent)]
    Format(#[from] FormatError),

    /// The upload is over, but Glance keeps the record in a status in which it accepts no data.
    #[error("image {id} stays {status}: it accepts no data, and its id cannot be reused")]
    Stuck {
        /// The image id, which the caller has chosen.
        id: String,
        /// The status of the image.
        status: Status,
    },

    /// The service does not offer this import method.
    #[error("{service} does not offer the import method {method}; it offers {}", listed(.offers))]
    ImportNotOffered {
        /// The address of the service.
        service: String,
        /// The requested method.
        method: String,
        /// The methods that the service offers.
        offers: Vec<String>,
    },

    /// The service has no store of this name that accepts data.
    #[error("{service} has no store {store}; it has {}", listed(.offers))]
    NoSuchStore {
        /// The address of the service.
        service: String,
        /// The requested store.
        store: String,
        /// The stores of the service.
        offers: Vec<String>,
    },

    /// The image is verified, but was not copied to all requested stores.
    #[error("the image is active and verified, but was not copied to all stores")]
    NotCopied {
        /// The error of the request.
        source: ClientError,
    },

    /// [`IfExists`](crate::IfExists) forbids the push: an image of this name exists, or it has other content.
    #[error("an image named {name} exists: image {id} {state}")]
    Exists {
        /// The name.
        name: String,
        /// The id of the existing image, or of the first of several.
        id: String,
        /// The status of the existing image, or how it differs from the source.
        state: String,
    },

    /// Another push of the batch has the same name, and looks for existing images with it.
    #[error("another image of this command has the name {name}")]
    SameName {
        /// The name.
        name: String,
    },

    /// Images of this name exist, and the source cannot be read twice: once to compare it and once to upload
    /// it.
    #[error(
        "cannot compare {source_name} with the existing image {id} named {name}: the source can be read \
         only once"
    )]
    NotComparable {
        /// The name.
        name: String,
        /// The id of the first existing image.
        id: String,
        /// The name of the source.
        source_name: String,
    },

    /// The login is scoped to a project, but does not contain the project id.
    #[error("the login does not name its project, so the images of the project cannot be found")]
    NoProject,

    /// Another run uploads the same image, and has not finished in time.
    #[error("image {id} of another run is still {status} after {seconds} s")]
    StillTheirs {
        /// The image id.
        id: String,
        /// The status of the image.
        status: Status,
        /// Seconds waited.
        seconds: u64,
    },

    /// The id of a new record cannot be written to the journal ([`Records`](crate::Records)). No record was
    /// created.
    #[error("cannot record the image id {id} in the journal; no image was created")]
    NotRecorded {
        /// The image id.
        id: String,
        /// The cause.
        source: std::io::Error,
    },

    /// The service has accepted all data, but the image did not become active in time.
    #[error("all data of image {id} was sent, but the image is still {status} after {seconds} s")]
    Unfinished {
        /// The image id.
        id: String,
        /// The status of the image.
        status: Status,
        /// Seconds waited.
        seconds: u64,
    },

    /// The image is verified, but could not be protected.
    #[error("the image is active and verified, but could not be protected")]
    NotProtected {
        /// The error of the request.
        source: ClientError,
    },

    /// The image is verified, but some images that it replaces could not be retired.
    #[error("the image is active and verified, but did not replace {}", .left.join(", "))]
    NotReplaced {
        /// The ids of the images that were not retired.
        left: Vec<String>,
        /// The error of the request for the first of them.
        source: ClientError,
    },

    /// No name is given, and the source suggests none.
    #[error("the image has no name")]
    NoName,

    /// A property cannot be set.
    #[error("cannot set property {key}")]
    Property {
        /// The key of the property.
        key: String,
        /// The cause.
        source: InvalidAttribute,
    },

    /// The image would exceed a quota of the project.
    #[error(
        "the quota {name} is exceeded: limit {limit} {unit}, used {used}, needed for this image {needed}"
    )]
    Quota {
        /// The name of the quota.
        name: &'static str,
        /// `MiB` or `images`.
        unit: &'static str,
        /// The limit.
        limit: i64,
        /// The usage.
        used: i64,
        /// The amount that the image needs.
        needed: i64,
    },

    /// A request to the service failed.
    #[error("cannot {during}")]
    Client {
        /// The operation that failed.
        during: &'static str,
        /// The error of the request.
        source: ClientError,
    },

    /// The login to the cloud failed. The caller of a batch reports it with
    /// [`TaskTarget`](crate::TaskTarget).
    #[error(transparent)]
    Unreached {
        /// The error of the login, shared by all images of the batch.
        source: Arc<ClientError>,
    },

    /// The server rejected the new record: an invalid value, a policy, or an id that is already in use.
    #[error("cannot create the image record")]
    NotCreated {
        /// The error of the request.
        source: ClientError,
    },

    /// The service accepts no data for an image of this status.
    #[error("the image is {status}; only a queued image accepts data")]
    NotStageable {
        /// The status of the image.
        status: Status,
    },

    /// The operation that contains the push could not start, for example a batch whose journal cannot be
    /// opened.
    #[error(transparent)]
    NotStarted(BoxError),

    /// The caller has cancelled the push.
    #[error("interrupted")]
    Interrupted,
}

impl PushFailure {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            PushFailure::Transfer(error) => error.kind(),
            PushFailure::Integrity(error) => error.kind(),
            PushFailure::Format(_) => ErrorKind::Format,
            PushFailure::NoName
            | PushFailure::NoProject
            | PushFailure::NotStarted(_)
            | PushFailure::Property { .. } => ErrorKind::Usage,
            PushFailure::NoSuchStore { .. }
            | PushFailure::ImportNotOffered { .. }
            | PushFailure::Stuck { .. }
            | PushFailure::Quota { .. }
            | PushFailure::NotStageable { .. }
            | PushFailure::Exists { .. }
            | PushFailure::SameName { .. }
            | PushFailure::NotComparable { .. } => ErrorKind::Refused,
            PushFailure::Client { source, .. } | PushFailure::NotCreated { source } => {
                kind_of_call(source)
            }
            PushFailure::Unreached { source } => kind_of_call(source),
            PushFailure::NotCopied { .. }
            | PushFailure::NotReplaced { .. }
            | PushFailure::NotProtected { .. } => ErrorKind::ImportFailed,
            PushFailure::StillTheirs { .. } | PushFailure::Unfinished { .. } => {
                ErrorKind::WaitedTooLong
            }
            PushFailure::Interrupted => ErrorKind::Interrupted,
            PushFailure::NotRecorded { .. } => ErrorKind::Unexpected,
        }
    }

    /// Returns whether a retry of the push may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            PushFailure::Transfer(error) => error.root().is_transient(),
            PushFailure::Integrity(error) => error.is_transient(),
            PushFailure::Client { source, .. } | PushFailure::NotCreated { source } => {
                source.is_transient()
            }
            PushFailure::Unreached { source } => source.is_transient(),
            _ => false,
        }
    }

    /// Returns how long to wait before a retry, if a server has sent `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            PushFailure::Transfer(error) => error.root().retry_after(),
            PushFailure::Integrity(error) => error.retry_after(),
            PushFailure::Client { source, .. } | PushFailure::NotCreated { source } => {
                source.retry_after()
            }
            PushFailure::Unreached { source } => source.retry_after(),
            _ => None,
        }
    }

    /// Returns the transfer error, if that is the cause, without [`TransferError::ReadOnce`] around it.
    #[must_use]
    pub fn transfer_error(&self) -> Option<&TransferError> {
        match self {
            PushFailure::Transfer(error) => Some(error.root()),
            _ => None,
        }
    }

    /// Returns the error of the source, if that is the cause.
    #[must_use]
    pub fn source_error(&self) -> Option<&SourceError> {
        match self {
            PushFailure::Transfer(error) => match error.root() {
                TransferError::Source(error) => Some(error),
                _ => None,
            },
            PushFailure::Integrity(IntegrityError::Source(error)) => Some(error),
            _ => None,
        }
    }

    /// Returns the error of the request to the service, if that is the cause.
    #[must_use]
    pub fn call(&self) -> Option<&ClientError> {
        match self {
            PushFailure::Client { source, .. } => Some(source),
            PushFailure::Unreached { source } => Some(source),
            PushFailure::Transfer(error) => match error.root() {
                TransferError::Client { source, .. } => Some(source),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the findings of the inspection, if the format is the cause.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.format_error().map_or(&[], FormatError::findings)
    }

    /// Returns the format error, if that is the cause, without [`FormatError::HeldBack`] around it.
    #[must_use]
    pub fn format_error(&self) -> Option<&FormatError> {
        match self {
            PushFailure::Format(error) => Some(error.root()),
            _ => None,
        }
    }
}

impl PushError {
    /// Creates the error of a push that failed before its first request to the cloud.
    #[must_use]
    pub fn not_started(source_name: &str, cloud: &str, failure: PushFailure) -> Self {
        PushError {
            source_name: source_name.into(),
            cloud: cloud.into(),
            attempts: 0,
            failure: Box::new(failure),
            outcome: RecordOutcome::NoRecord,
            timing: Box::new(Timing::not_started()),
        }
    }
}

delegate_to_failure!(PushError StagingError);

/// What failed: the push, or an attempt at it that has left nothing and sent nothing.
fn what_failed(error: &PushError) -> String {
    let PushError { source_name, cloud, attempts, outcome, .. } = error;
    match attempts {
        0 if *outcome == RecordOutcome::NoRecord => format!("cannot push {source_name} to {cloud}"),
        0 | 1 => format!("push of {source_name} to {cloud} failed"),
        _ => format!("push of {source_name} to {cloud} failed after {attempts} attempts"),
    }
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// The state of the image record after a failed push.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordOutcome {
    /// There is no record: it was not created, or is already deleted.
    NoRecord,
    /// The record was deleted.
    Removed {
        /// Its id.
        id: String,
    },
    /// The record was kept: the caller wants that, or its data may be complete.
    Kept {
        /// Its id.
        id: String,
        /// Its status.
        state: String,
    },
    /// The record could not be deleted, or it is not known whether it exists.
    Left {
        /// Its id.
        id: String,
        /// Why it could not be deleted.
        reason: String,
    },
}

impl std::fmt::Display for RecordOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RecordOutcome::NoRecord => f.write_str("no image record is left"),
            RecordOutcome::Removed { id } => write!(f, "image record {id} was deleted"),
            RecordOutcome::Kept { id, state } => {
                write!(f, "image record {id} was kept: {state}")
            }
            RecordOutcome::Left { id, reason } => {
                write!(f, "image record {id} may still exist: {reason}")
            }
        }
    }
}
