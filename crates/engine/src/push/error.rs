//! What can go wrong with a push or a staging, and what it left behind.

use std::sync::Arc;
use std::time::Duration;

use imgpush_client::{Error as ClientError, InvalidAttribute, Status};
use imgpush_formats::Finding;
use imgpush_source::{BoxError, SourceError};

use super::format_error::FormatError;
use crate::error::{ErrorKind, as_its_failure, kind_of_call};
use crate::integrity::IntegrityError;
use crate::timing::Timing;
use crate::transfer::TransferError;

/// A push that did not end with a proved image.
#[derive(Debug, thiserror::Error)]
#[error("push of {source_name} to {cloud} failed{}", after(*.attempts))]
#[non_exhaustive]
pub struct PushError {
    /// What was read.
    pub source_name: Box<str>,
    /// Where it was sent.
    pub cloud: Box<str>,
    /// How often the data was sent, whole or in part.
    pub attempts: u32,
    /// What went wrong.
    #[source]
    pub failure: Box<PushFailure>,
    /// What became of the record.
    pub outcome: RecordOutcome,
    /// Where the time went until then.
    pub timing: Box<Timing>,
}

/// Data that was not staged. The record is there as before.
#[derive(Debug, thiserror::Error)]
#[error("staging of {source_name} for {image} on {cloud} failed")]
#[non_exhaustive]
pub struct StagingError {
    /// What was read.
    pub source_name: String,
    /// The name of the image, or its id where it has none.
    pub image: String,
    /// Where it was sent.
    pub cloud: String,
    /// What went wrong.
    #[source]
    pub failure: Box<PushFailure>,
}

/// What went wrong with a push or a staging.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushFailure {
    /// The data did not arrive.
    #[error(transparent)]
    Transfer(#[from] TransferError),

    /// The image is not what was sent.
    #[error(transparent)]
    Integrity(#[from] IntegrityError),

    /// The format of the data.
    #[error(transparent)]
    Format(#[from] FormatError),

    /// The upload ended, but not for the server, which holds the record in that status.
    #[error("the image {id} stays {status}, so it takes no data, and its id cannot be used again")]
    Stuck {
        /// The id, which the caller chose.
        id: String,
        /// Its status.
        status: Status,
    },

    /// The service offers no such import.
    #[error("{service} offers no import by {method}; it offers {}", listed(.offers))]
    ImportNotOffered {
        /// The address of the service.
        service: String,
        /// The method asked for.
        method: String,
        /// Those that it offers.
        offers: Vec<String>,
    },

    /// The service has no such store.
    #[error("{service} has no store {store}; it has {}", listed(.offers))]
    NoSuchStore {
        /// The address of the service.
        service: String,
        /// The store asked for.
        store: String,
        /// Those that it has.
        offers: Vec<String>,
    },

    /// The image is proved, but not in all stores that it was to be in.
    #[error("the image is active and proved, but was not copied into all stores")]
    NotCopied {
        /// What the client says.
        source: ClientError,
    },

    /// An image of that name is there, and that is not wanted, or it is another.
    #[error("{name} is there already: image {id} {state}")]
    Exists {
        /// The name.
        name: String,
        /// The image, or the first of them.
        id: String,
        /// Its status, or what it has other than the source.
        state: String,
    },

    /// Another push of the batch has the same name, and looks for existing images with it.
    #[error("another image of this batch has the name {name}")]
    SameName {
        /// The name.
        name: String,
    },

    /// Images of that name are there, and the source cannot be read once to be compared and once to be sent.
    #[error(
        "whether {name} is there already, as image {id}, cannot be told: {source_name} can be read only once"
    )]
    NotComparable {
        /// The name.
        name: String,
        /// The first of the images.
        id: String,
        /// The source.
        source_name: String,
    },

    /// The login is in a project, and does not say in which.
    #[error(
        "the login does not say which project it is in, so that its images cannot be told from others"
    )]
    NoProject,

    /// Another run has begun the same image, and has not ended in time.
    #[error("image {id}, which another run has begun, is still {status} after {seconds} seconds")]
    StillTheirs {
        /// The image.
        id: String,
        /// Its status.
        status: Status,
        /// How long it was waited for.
        seconds: u64,
    },

    /// What is about to be made cannot be written down.
    #[error("the id {id} was not asked for, as that could not be written down")]
    NotRecorded {
        /// The id.
        id: String,
        /// Why.
        source: std::io::Error,
    },

    /// The service has accepted all data, and does not show the result in time.
    #[error("all data of image {id} was sent, and it is still {status} after {seconds} seconds")]
    Unfinished {
        /// The image.
        id: String,
        /// Its status.
        status: Status,
        /// How long it was waited for.
        seconds: u64,
    },

    /// The image is verified, but could not be protected.
    #[error("the image is active and verified, but could not be protected")]
    NotProtected {
        /// What the client says.
        source: ClientError,
    },

    /// The image is proved, but not all those that it replaces are retired.
    #[error("the image is active and proved, but did not take the place of {}", .left.join(", "))]
    NotReplaced {
        /// The images that are left as they were.
        left: Vec<String>,
        /// What the client says of the first of them.
        source: ClientError,
    },

    /// A name is needed and there is none to make it from.
    #[error("the image needs a name")]
    NoName,

    /// A property cannot be set.
    #[error("property {key} cannot be set")]
    Property {
        /// The property.
        key: String,
        /// Why.
        source: InvalidAttribute,
    },

    /// A quota of the project would be exceeded.
    #[error("quota {name} is {limit} {unit}, {used} of it used; this image needs {needed} more")]
    Quota {
        /// The name of the quota.
        name: &'static str,
        /// `MiB` or `images`.
        unit: &'static str,
        /// The limit.
        limit: i64,
        /// What is used.
        used: i64,
        /// What the image needs.
        needed: i64,
    },

    /// The service, or the way to it.
    #[error("{during} failed")]
    Client {
        /// What was being done.
        during: &'static str,
        /// What the client says.
        source: ClientError,
    },

    /// The caller of a batch could not log in to the cloud.
    #[error("connecting to the cloud failed")]
    Unreached {
        /// The error of the login, which all images of the batch share.
        source: Arc<ClientError>,
    },

    /// The server refused to make the record: a value it does not take, a policy, an id that is
    /// another image's.
    #[error("the image record was not created")]
    NotCreated {
        /// What the client says.
        source: ClientError,
    },

    /// The image is in a status in which the service takes no data for it.
    #[error("the image is {status}; only one that is queued takes data")]
    NotStageable {
        /// Its status.
        status: Status,
    },

    /// What the push is a part of could not start, such as a batch whose journal cannot be used.
    #[error(transparent)]
    NotStarted(BoxError),

    /// The caller cancelled it.
    #[error("interrupted")]
    Interrupted,
}

impl PushFailure {
    /// What it amounts to.
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

    /// Whether the same push may succeed later.
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

    /// How long to wait before that, where a server says.
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

    /// The transfer, where that is the failure; without [`TransferError::ReadOnce`] around it.
    #[must_use]
    pub fn transfer_error(&self) -> Option<&TransferError> {
        match self {
            PushFailure::Transfer(error) => Some(error.root()),
            _ => None,
        }
    }

    /// The source, where that is the failure.
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

    /// The call to the service, where that is the failure.
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

    /// What was found in the data, where its format is the failure.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.format_error().map_or(&[], FormatError::findings)
    }

    /// The format of the data, where that is the failure; without [`FormatError::HeldBack`] around it.
    #[must_use]
    pub fn format_error(&self) -> Option<&FormatError> {
        match self {
            PushFailure::Format(error) => Some(error.root()),
            _ => None,
        }
    }
}

impl PushError {
    /// The error of a push that ended before it asked the cloud for anything.
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

as_its_failure!(PushError StagingError);

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" after {attempts} attempts") } else { String::new() }
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// What became of the record of a push that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordOutcome {
    /// There is none: it was not made yet, or is gone already.
    NoRecord,
    /// It was removed.
    Removed {
        /// The id it had.
        id: String,
    },
    /// It was kept, as asked for.
    Kept {
        /// Its id.
        id: String,
        /// What it shows.
        state: String,
    },
    /// It could not be removed.
    Left {
        /// Its id.
        id: String,
        /// Why it could not be removed.
        reason: String,
    },
}

impl std::fmt::Display for RecordOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RecordOutcome::NoRecord => f.write_str("no image record is left behind"),
            RecordOutcome::Removed { id } => write!(f, "the image record {id} was removed"),
            RecordOutcome::Kept { id, state } => {
                write!(f, "the image record {id} was kept; {state}")
            }
            RecordOutcome::Left { id, reason } => {
                write!(f, "the image record {id} may still be there: {reason}")
            }
        }
    }
}
