//! What can go wrong with a push, a download or a verification, and what it left behind.

use std::path::PathBuf;
use std::sync::Arc;

use imgpush_client::{Error as ClientError, Status, Unfit};
use imgpush_formats::{Finding, Format};

use crate::batch::JournalError;
use crate::timing::Timing;
use imgpush_source::SourceError;

/// A place that an image cannot be written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// Something is there already, and nobody said that it may be replaced.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },

    /// A file is there already that is not the image, and nobody said that it may be replaced.
    #[error("{} exists already, and is not this image", .path.display())]
    IsOther {
        /// The destination.
        path: PathBuf,
    },

    /// What is there is a directory, a device or the like, which is never replaced.
    #[error("{} is not a regular file", .path.display())]
    NotAFile {
        /// The destination, or the partial file beside it.
        path: PathBuf,
    },

    /// Another download writes the same partial file.
    #[error("{} is being written by another download", .path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },

    /// The partial file cannot be made or opened.
    #[error("cannot open {}", .path.display())]
    Open {
        /// The partial file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },

    /// What an earlier download left cannot be read.
    #[error("cannot read {} at byte {at}", .path.display())]
    Read {
        /// The partial file.
        path: PathBuf,
        /// Where.
        at: u64,
        /// Why.
        source: std::io::Error,
    },

    /// The disk, or a quota on it, is full.
    #[error("no space is left for {name} behind byte {at}")]
    Full {
        /// The partial file, or what the caller calls the writer.
        name: String,
        /// Bytes written before.
        at: u64,
        /// What the system says.
        source: std::io::Error,
    },

    /// Writing failed.
    #[error("cannot write {name} behind byte {at}")]
    Write {
        /// The partial file, or what the caller calls the writer.
        name: String,
        /// Bytes written before.
        at: u64,
        /// Why.
        source: std::io::Error,
    },

    /// The partial file is whole and proved, but could not be given its name.
    #[error("cannot rename the finished download to {}", .path.display())]
    Rename {
        /// The destination.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Why a connection that brought an image has ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Break {
    /// The service, or the way to it.
    #[error(transparent)]
    Client(ClientError),

    /// It brought nothing for too long.
    #[error("no byte came for {seconds} seconds")]
    Stalled {
        /// So long.
        seconds: u64,
    },

    /// It begins behind the byte asked for.
    #[error("the answer begins at byte {first}, not at {asked}")]
    Skipped {
        /// The byte asked for.
        asked: u64,
        /// The first byte of the answer.
        first: u64,
    },

    /// It ended well, but short of the size of the image.
    #[error("the answer ended at byte {at} of {size}")]
    Short {
        /// Where it ended.
        at: u64,
        /// The size of the image.
        size: u64,
    },
}

/// A push that did not end with a proved image.
#[derive(Debug, thiserror::Error)]
#[error("push of {source_name} to {cloud} failed{}", after(*.attempts))]
pub struct PushError {
    /// What was read.
    pub source_name: Box<str>,
    /// Where it was sent.
    pub cloud: Box<str>,
    /// How often the data was sent, whole or in part.
    pub attempts: u32,
    /// What went wrong.
    #[source]
    pub failure: Box<Failure>,
    /// What became of the record.
    pub fate: Fate,
    /// Where the time went until then.
    pub timing: Box<Timing>,
}

/// A download that did not end with proved data.
#[derive(Debug, thiserror::Error)]
#[error("download of {image} from {cloud} failed")]
pub struct DownloadError {
    /// The name of the image, or its id where it has none.
    pub image: String,
    /// Where it was to come from.
    pub cloud: String,
    /// What went wrong.
    #[source]
    pub failure: Box<Failure>,
    /// What became of the bytes that had come.
    pub remains: Remains,
}

/// A verification that did not end with a proof.
#[derive(Debug, thiserror::Error)]
#[error("verification of {image} on {cloud} failed")]
pub struct VerificationError {
    /// The name of the image, or its id where it has none.
    pub image: String,
    /// Where the image is.
    pub cloud: String,
    /// What went wrong.
    #[source]
    pub failure: Box<Failure>,
}

/// Data that was not staged. The record is there as before.
#[derive(Debug, thiserror::Error)]
#[error("staging of {source_name} for {image} on {cloud} failed")]
pub struct StagingError {
    /// What was read.
    pub source_name: String,
    /// The name of the image, or its id where it has none.
    pub image: String,
    /// Where it was sent.
    pub cloud: String,
    /// What went wrong.
    #[source]
    pub failure: Box<Failure>,
}

/// What went wrong with a push, a download, a verification or a staging.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The source. All targets that it was sent to share the error.
    #[error(transparent)]
    Source(Arc<SourceError>),

    /// The data cannot be sent a second time, since there is no way back to its start.
    #[error("it is not sent again, since {name} cannot be read a second time")]
    NoWayBack {
        /// The source.
        name: String,
        /// Why it would have to be sent again.
        source: Box<Failure>,
    },

    /// The image kept the others waiting, which nobody wanted.
    #[error("it was too slow for the other targets")]
    TooSlow,

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
        source: Unfit,
    },

    /// The data is another format than the one asked for.
    #[error("the data is {found}, not {asked}{}", otherwise(.taken_as))]
    FormatMismatch {
        /// The `disk_format` asked for.
        asked: String,
        /// The format found.
        found: Format,
        /// Every `disk_format` under which the service would take it.
        taken_as: Vec<String>,
        /// The one of these that fits.
        instead: Option<&'static str>,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// The data is of a format that has no `disk_format`.
    #[error("the data is {found}, which the image service has no disk_format for")]
    FormatUnknown {
        /// The format found.
        found: Format,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// What is in such a container is not looked at, so nobody but the one who pushes knows it.
    #[error("the disk_format of what is in container_format {container_format} is not known")]
    NoDiskFormat {
        /// What the data is wrapped in.
        container_format: String,
    },

    /// The data is unsafe, or broken.
    #[error("{}", shown(.findings))]
    FormatUnsafe {
        /// What was found.
        findings: Vec<Finding>,
        /// Whether the one who pushes may overrule it.
        overrulable: bool,
    },

    /// The service would take the whole transfer, and then refuse the data.
    #[error(
        "the image service would refuse it as {disk_format} after the last byte: {reason}{}",
        otherwise(.taken_as)
    )]
    FormatRefused {
        /// What the record was to say.
        disk_format: String,
        /// In the service's words where it has some.
        reason: String,
        /// Every `disk_format` under which the service would take it.
        taken_as: Vec<String>,
        /// The one of these that fits.
        instead: Option<&'static str>,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// What the service makes of the data cannot be told.
    #[error("nobody can tell whether the image service takes it: {reason}")]
    FormatUnclear {
        /// Why not.
        reason: &'static str,
        /// What was found.
        findings: Vec<Finding>,
    },

    /// What the start of the data did not show, so that all but its end was sent.
    #[error("the end of the image was not sent, since all of it shows what its start did not")]
    HeldBack {
        /// What it shows.
        source: Box<Failure>,
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
        source: Option<Box<ClientError>>,
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

    /// The image is in a status in which the service takes no data for it.
    #[error("the image is {status}; only one that is queued takes data")]
    NotStageable {
        /// Its status.
        status: Status,
    },

    /// The connection broke, or could not be made, and trying again brought no byte.
    #[error("given up at byte {at} after {attempts} requests, the last {retries} of them retries")]
    GaveUp {
        /// Bytes received, or there before.
        at: u64,
        /// Requests in all.
        attempts: u32,
        /// Retries since the last byte that came.
        retries: u32,
        /// Why the last connection ended.
        source: Break,
    },

    /// The place to write to.
    #[error(transparent)]
    Destination(DestinationError),

    /// The system has no memory for a buffer.
    #[error("no memory for a buffer")]
    Memory {
        /// What it says.
        source: std::io::Error,
    },

    /// What the server says cannot be compared.
    #[error("cannot verify: {reason}")]
    CannotVerify {
        /// Why not.
        reason: String,
    },

    /// The journal of a batch cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),

    /// The caller gave up.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// Without what it is wrapped in.
    #[must_use]
    pub fn root(&self) -> &Failure {
        match self {
            Failure::HeldBack { source } | Failure::NoWayBack { source, .. } => source.root(),
            failure => failure,
        }
    }

    /// The source, where that is the failure.
    #[must_use]
    pub fn source_error(&self) -> Option<&SourceError> {
        match self.root() {
            Failure::Source(error) => Some(error),
            _ => None,
        }
    }

    /// What was found in the data, where that is the failure.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self.root() {
            Failure::FormatMismatch { findings, .. }
            | Failure::FormatUnknown { findings, .. }
            | Failure::FormatUnsafe { findings, .. }
            | Failure::FormatRefused { findings, .. }
            | Failure::FormatUnclear { findings, .. } => findings,
            _ => &[],
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Failure::Source(Arc::new(error))
    }
}

impl From<Arc<SourceError>> for Failure {
    fn from(error: Arc<SourceError>) -> Self {
        Failure::Source(error)
    }
}

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" after {attempts} attempts") } else { String::new() }
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn shown(findings: &[Finding]) -> String {
    let one = |finding: &Finding| format!("{}: {}", finding.id, finding.text);
    findings.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn otherwise(names: &[String]) -> String {
    match names {
        [] => "; it takes it as no other".to_owned(),
        names => format!("; the image service would take it as {}", names.join(", ")),
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

/// What a download that failed has left of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remains {
    /// No byte.
    Nothing,
    /// A partial file. The same download, run again, goes on behind it.
    Kept {
        /// The partial file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The partial file was wrong and has been removed.
    Removed {
        /// The partial file.
        path: PathBuf,
    },
    /// The partial file is wrong and could not be removed.
    Left {
        /// The partial file.
        path: PathBuf,
        /// Why it could not be removed.
        reason: String,
    },
    /// A writer or a stream got so many bytes, but not the end of the image.
    Cut {
        /// Bytes handed out.
        bytes: u64,
    },
}

impl Remains {
    /// Of what was handed out and cannot be taken back.
    pub(crate) fn cut(bytes: u64) -> Self {
        if bytes == 0 { Remains::Nothing } else { Remains::Cut { bytes } }
    }
}

impl std::fmt::Display for Remains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Remains::Nothing => f.write_str("nothing was written"),
            Remains::Kept { path, bytes } => write!(
                f,
                "{bytes} bytes are kept in {}; the same download goes on from there",
                path.display()
            ),
            Remains::Removed { path } => {
                write!(f, "the partial file {} was removed", path.display())
            }
            Remains::Left { path, reason } => write!(
                f,
                "the partial file {} is wrong and could not be removed: {reason}",
                path.display()
            ),
            Remains::Cut { bytes } => {
                write!(f, "{bytes} bytes were handed out, the end of the image was not")
            }
        }
    }
}
