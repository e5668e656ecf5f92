//! What can go wrong with a push, and what became of its record.

use imgpush_client::{Error as ClientError, Unfit};

/// A source that cannot be read, or is not what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It cannot be opened.
    #[error("cannot open {name}")]
    Open {
        /// The source.
        name: String,
        /// Why.
        source: std::io::Error,
    },

    /// It is a directory.
    #[error("{name} is a directory, not a disk image")]
    Directory {
        /// The source.
        name: String,
    },

    /// It has no bytes, and nobody said that this is meant.
    #[error("{name} is empty")]
    Empty {
        /// The source.
        name: String,
    },

    /// Reading failed.
    #[error("cannot read {name} at byte {at}")]
    Read {
        /// The source.
        name: String,
        /// Where.
        at: u64,
        /// Why.
        source: std::io::Error,
    },

    /// It ended before its size.
    #[error("{name} shrank while it was read: {expected} bytes at the start, now {found}")]
    Shrank {
        /// The source.
        name: String,
        /// Bytes at the start.
        expected: u64,
        /// Bytes found.
        found: u64,
    },

    /// It goes on behind its size.
    #[error("{name} grew while it was read: {expected} bytes at the start, now {found}")]
    Grew {
        /// The source.
        name: String,
        /// Bytes at the start.
        expected: u64,
        /// Bytes found.
        found: u64,
    },

    /// It was written to.
    #[error("{name} was written to while it was read")]
    Changed {
        /// The source.
        name: String,
    },
}

/// A push that did not end with a proved image.
#[derive(Debug, thiserror::Error)]
#[error("push of {source_name} to {cloud} failed")]
pub struct PushError {
    /// What was read.
    pub source_name: String,
    /// Where it was sent.
    pub cloud: String,
    /// What went wrong.
    #[source]
    pub failure: Box<Failure>,
    /// What became of the record.
    pub fate: Fate,
}

/// What went wrong with a push.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The source.
    #[error(transparent)]
    Source(SourceError),

    /// A name is needed and there is none to make it from.
    #[error("the image needs a name")]
    NoName,

    /// A property cannot be set.
    #[error("property {key} cannot be set")]
    Property {
        /// The property.
        key: String,
        /// Why.
        source: Unfit,
    },

    /// The data is another format than the one asked for.
    #[error("the data is {found}, not {asked}")]
    FormatMismatch {
        /// The `disk_format` asked for.
        asked: String,
        /// The format found.
        found: String,
    },

    /// The data is of a format that has no `disk_format`.
    #[error("the data is {found}, which the image service has no disk_format for")]
    FormatUnknown {
        /// The format found.
        found: String,
    },

    /// The data is unsafe, or broken, or would be refused by the server after its last byte.
    #[error("{}", .findings.join("; "))]
    FormatUnsafe {
        /// What was found, each with its id.
        findings: Vec<String>,
        /// Whether the one who pushes may overrule it.
        overrulable: bool,
    },

    /// The service does not take the format at all.
    #[error("{service} has no {attribute} {value}; it takes {}", .takes.join(", "))]
    FormatNotTaken {
        /// The address of the service.
        service: String,
        /// `disk_format` or `container_format`.
        attribute: &'static str,
        /// The format.
        value: String,
        /// What it takes.
        takes: Vec<String>,
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

    /// The server refused to make the record: a value it does not take, a policy, an id that is
    /// another image's.
    #[error("the image record was not created")]
    NotCreated {
        /// What the client says.
        source: ClientError,
    },

    /// The connection broke while bytes were sent.
    #[error("the connection broke after up to {sent} bytes; {state}")]
    Broken {
        /// Bytes handed to the connection.
        sent: u64,
        /// What the image shows afterwards.
        state: String,
        /// What the client says.
        source: Option<ClientError>,
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

    /// What the server says cannot be compared.
    #[error("cannot verify: {reason}")]
    CannotVerify {
        /// Why not.
        reason: String,
    },

    /// The one who pushes gave up.
    #[error("interrupted")]
    Interrupted,
}

/// What became of the record of a push that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
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

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fate::NoRecord => f.write_str("no image record is left behind"),
            Fate::Removed { id } => write!(f, "the image record {id} was removed"),
            Fate::Kept { id, state } => write!(f, "the image record {id} was kept; {state}"),
            Fate::Left { id, reason } => {
                write!(
                    f,
                    "the image record {id} may still be there, it could not be removed: {reason}"
                )
            }
        }
    }
}
