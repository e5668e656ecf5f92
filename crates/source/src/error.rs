//! Errors of sources, and of the checksums that sources are compared with.
//!
//! Both are in one file, since a list of checksums is itself read from a source.

use std::time::Duration;

use http::StatusCode;
use imgpush_digest::Algorithm;
use serde::{Deserialize, Serialize};

use crate::compression::Compression;

/// The class of an error, as far as a script has to distinguish it.
///
/// The errors of all crates that take part in an upload have a kind. Exit codes, hints and JSON are tables
/// over it. It is serialised as its variant in kebab case: `source-differs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself is wrong: an option, a configuration file, a name that is missing.
    Usage,
    /// The source, or its list of checksums, cannot be read, is damaged, or changed while it was read.
    Source,
    /// The data is not in the format that was declared, is unsafe, or the service would refuse it.
    Format,
    /// The source has another digest than expected, or its list of checksums is not signed as required.
    SourceDiffers,
    /// The login was refused, or the project lacks a permission (401, 403).
    NotAuthorised,
    /// The service refused the request: a quota, a value, a conflict, the content, a missing image.
    Refused,
    /// The service was unreachable, or the connection failed or stalled, and retries did not help.
    GaveUp,
    /// The service holds, or sends, other data than was uploaded or than it declares.
    ServerDiffers,
    /// The service could not complete the import, the copy into a store, or the replacement of an image.
    ImportFailed,
    /// The time-out for a state of the service passed. The state may still be reached.
    WaitedTooLong,
    /// What the service holds cannot be compared with what was uploaded.
    CannotVerify,
    /// The caller cancelled the work.
    Interrupted,
    /// Any other failure, and errors in the program itself.
    Unexpected,
}

/// A source that cannot be read, or has changed.
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

    /// It has no bytes, and that was not allowed explicitly.
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
    #[error("{name} shrank from {expected} to {found} bytes while it was read")]
    Shrank {
        /// The source.
        name: String,
        /// Bytes at the start.
        expected: u64,
        /// Bytes found.
        found: u64,
    },

    /// It continues after its size.
    #[error("{name} grew from {expected} to {found} bytes while it was read")]
    Grew {
        /// The source.
        name: String,
        /// Bytes at the start.
        expected: u64,
        /// Bytes found.
        found: u64,
    },

    /// The code of the source panicked.
    #[error("internal error while reading {name}: {reason}")]
    Panicked {
        /// The source.
        name: String,
        /// The message of the panic.
        reason: String,
    },

    /// The system starts no thread to read it with.
    #[error("cannot start a thread to read {name}")]
    NoThread {
        /// The source.
        name: String,
        /// The error of the system.
        source: std::io::Error,
    },

    /// It was written to.
    #[error("{name} was modified while it was read")]
    Changed {
        /// The source.
        name: String,
    },

    /// Two responses of its server are not of the same file.
    #[error("two responses for {name} differ in {what}")]
    ResponsesDiffer {
        /// The source.
        name: String,
        /// The difference: `ETag`, `Last-Modified`, `size`.
        what: &'static str,
    },

    /// Its size differs from the declared one.
    #[error("{name} has {found} bytes, expected {expected}")]
    Size {
        /// The source.
        name: String,
        /// Bytes that were declared.
        expected: u64,
        /// Bytes found.
        found: u64,
    },

    /// The address is malformed.
    #[error("{name} is not a valid URL")]
    Address {
        /// The address.
        name: String,
        /// Why.
        source: BoxError,
    },

    /// An option of its requests is malformed.
    #[error("the {what} for {name} is invalid")]
    HttpOption {
        /// The source.
        name: String,
        /// The option: `header`, `proxy`, `CA certificate`, `client certificate`.
        what: &'static str,
        /// Why.
        source: BoxError,
    },

    /// This build lacks the feature for it.
    #[error("cannot read {name}: this build has no support for {feature}")]
    Unsupported {
        /// The source.
        name: String,
        /// The feature of this crate that it needs.
        feature: &'static str,
    },

    /// No connection to its server could be established.
    #[error("cannot reach {name}")]
    Unreachable {
        /// The source.
        name: String,
        /// Why.
        source: BoxError,
    },

    /// Its server refused the request.
    #[error("GET {name} answered {status}")]
    Refused {
        /// The source.
        name: String,
        /// The status of the response.
        status: StatusCode,
    },

    /// Its server sent neither Content-Length nor chunked encoding, so a truncated download could not be
    /// detected.
    #[error(
        "the server of {name} sent neither Content-Length nor chunked encoding, so a truncated download \
         could not be detected"
    )]
    Endless {
        /// The source.
        name: String,
    },

    /// The connection failed, and its server cannot send the rest.
    #[error("the download of {name} broke off at byte {at} and cannot be resumed: {reason}")]
    NotResumable {
        /// The source.
        name: String,
        /// Bytes received.
        at: u64,
        /// Why not.
        reason: &'static str,
    },

    /// Its server sent another range than requested.
    #[error("requested {name} from byte {asked} on, but the server sent {found:?}")]
    WrongRange {
        /// The source.
        name: String,
        /// The first byte requested.
        asked: u64,
        /// The Content-Range of the response.
        found: String,
    },

    /// The connection failed, or the server was overloaded, and retries brought no byte.
    #[error("the download of {name} failed at byte {at} after {attempts} requests")]
    GaveUp {
        /// The source.
        name: String,
        /// Bytes received.
        at: u64,
        /// Total number of requests.
        attempts: u32,
        /// Why the last connection ended.
        source: Interruption,
    },

    /// Its compressed data is damaged or truncated.
    #[error(
        "cannot decompress {name}: the {compression} data is damaged or truncated after byte {at} of its content"
    )]
    Damaged {
        /// The source.
        name: String,
        /// The format.
        compression: Compression,
        /// Bytes decompressed before.
        at: u64,
        /// Why.
        source: std::io::Error,
    },

    /// Decompression needs more memory than allowed.
    #[error("decompressing {name} needs more than {} of memory", size(*.limit))]
    Dictionary {
        /// The source.
        name: String,
        /// Bytes that are allowed.
        limit: u64,
    },

    /// The decompressed data is larger than allowed.
    #[error("{name} has more than {} after decompression", size(*.limit))]
    TooLarge {
        /// The source.
        name: String,
        /// Bytes that are allowed.
        limit: u64,
    },

    /// The error of a source that a program implements itself.
    #[error(transparent)]
    Custom(CustomError),

    /// It does not have the expected checksums, or that cannot be verified.
    #[error(transparent)]
    Unverified(Box<ChecksumError>),
}

impl SourceError {
    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            SourceError::Unverified(error) => error.kind(),
            SourceError::Custom(error) => error.kind,
            SourceError::HttpOption { .. } => ErrorKind::Usage,
            SourceError::NoThread { .. } => ErrorKind::Unexpected,
            _ => ErrorKind::Source,
        }
    }

    /// Whether the same source may be readable at a later attempt.
    ///
    /// True for servers that are unreachable or overloaded, for connections that failed, for responses that
    /// cannot be continued by another one, and for a [`CustomError`] that says so. Errors of the data are
    /// never transient.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            SourceError::Unreachable { .. }
            | SourceError::GaveUp { .. }
            | SourceError::NotResumable { .. }
            | SourceError::ResponsesDiffer { .. } => true,
            SourceError::Open { source, .. } | SourceError::Read { source, .. } => {
                is_of_network(source.kind())
            }
            SourceError::Custom(error) => error.is_transient,
            SourceError::Unverified(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Whether the source has retried already, until its own limit. A caller that retries on top of that
    /// multiplies the number of attempts.
    #[must_use]
    pub fn is_after_retries(&self) -> bool {
        match self {
            SourceError::GaveUp { .. } => true,
            SourceError::Unverified(error) => match &**error {
                ChecksumError::Unreadable { source, .. } => source.is_after_retries(),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a caller should read the source again from its start: the error is transient, and the source
    /// has not retried itself.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        self.is_transient() && !self.is_after_retries()
    }

    /// The time to wait before the next attempt, where the server or the source states it.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            SourceError::GaveUp { source, .. } => source.retry_after(),
            SourceError::Custom(error) => error.retry_after,
            SourceError::Unverified(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// Whether errors of this kind come from a network (or a network file system) that may recover.
fn is_of_network(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
            | Kind::TimedOut
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::StaleNetworkFileHandle
    )
}

/// The error of a [`Source`](crate::Source) implemented outside this crate.
///
/// ```
/// use std::time::Duration;
/// use imgpush_source::{CustomError, ErrorKind, SourceError};
///
/// let error: SourceError = CustomError::new("bucket/noble.img", "503 Slow Down")
///     .with_position(1 << 20)
///     .with_transient(true)
///     .with_retry_after(Duration::from_secs(2))
///     .into();
/// assert_eq!(error.to_string(), "cannot read bucket/noble.img at byte 1048576");
/// assert_eq!(error.kind(), ErrorKind::Source);
/// assert!(error.is_transient());
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot read {name}{}", at_byte(.at))]
#[non_exhaustive]
pub struct CustomError {
    /// The source.
    pub name: String,
    /// The position, in bytes, where it is known.
    pub at: Option<u64>,
    /// The class of the error; [`ErrorKind::Source`] by default.
    pub kind: ErrorKind,
    /// Whether a later attempt may succeed; false by default. A source that can be
    /// [rewound](crate::Source::rewind) is then read again.
    pub is_transient: bool,
    /// The minimum time to wait before that attempt.
    pub retry_after: Option<Duration>,
    /// The cause.
    pub source: BoxError,
}

impl CustomError {
    /// An error that is not transient, with its cause.
    pub fn new(name: impl Into<String>, source: impl Into<BoxError>) -> Self {
        CustomError {
            name: name.into(),
            at: None,
            kind: ErrorKind::Source,
            is_transient: false,
            retry_after: None,
            source: source.into(),
        }
    }

    /// Sets the position, in bytes.
    #[must_use]
    pub fn with_position(mut self, at: u64) -> Self {
        self.at = Some(at);
        self
    }

    /// Sets the class of the error.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets whether a later attempt may succeed.
    #[must_use]
    pub fn with_transient(mut self, is_transient: bool) -> Self {
        self.is_transient = is_transient;
        self
    }

    /// Sets the minimum pause before the next attempt.
    #[must_use]
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }
}

impl From<CustomError> for SourceError {
    fn from(error: CustomError) -> Self {
        SourceError::Custom(error)
    }
}

fn at_byte(at: &Option<u64>) -> String {
    at.map(|at| format!(" at byte {at}")).unwrap_or_default()
}

impl From<ChecksumError> for SourceError {
    fn from(error: ChecksumError) -> Self {
        SourceError::Unverified(Box::new(error))
    }
}

/// An error of another library, whose type is not part of this crate's interface.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The reason for the early end of a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Interruption {
    /// The connection to the server failed.
    #[error(transparent)]
    Transport(BoxError),

    /// The server is overloaded or unavailable.
    #[error("the server answered {status}")]
    Unavailable {
        /// The status of its response.
        status: StatusCode,
        /// The time that the server asks clients to wait.
        retry_after: Option<Duration>,
    },

    /// No byte arrived within the idle time-out.
    #[error("no data was received for {seconds} s")]
    Stalled {
        /// The time-out, in seconds.
        seconds: u64,
    },

    /// The response ended regularly, but before the size of the file.
    #[error("the answer ended at byte {at} of {size}")]
    Short {
        /// Where it ended.
        at: u64,
        /// Bytes of the file.
        size: u64,
    },
}

impl Interruption {
    /// The time that the server asks clients to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Interruption::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A source that does not have the expected checksums, or cannot be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumError {
    /// It has another digest.
    #[error("the {algorithm} of {name} is {}, expected {expected}{}", .found.join(", of its decompressed content "), listed(.list))]
    Differs {
        /// The source, or its content.
        name: String,
        /// The algorithm.
        algorithm: Algorithm,
        /// The digest that was expected.
        expected: String,
        /// The computed digest, followed by that of the content if either was allowed.
        found: Vec<String>,
        /// The list with the digest; none when the digest itself was given.
        list: Option<String>,
    },

    /// The reader of the source did not compute the digest.
    #[error("the {algorithm} of {name} was not computed")]
    NotComputed {
        /// The source.
        name: String,
        /// The algorithm.
        algorithm: Algorithm,
    },

    /// The same bytes cannot have both digests.
    #[error("{name} has conflicting checksums: {algorithm} {first} and {algorithm} {second}{}", listed(.list))]
    Contradiction {
        /// The source, or its content.
        name: String,
        /// The algorithm.
        algorithm: Algorithm,
        /// A digest.
        first: String,
        /// Another.
        second: String,
        /// A list with one of them.
        list: Option<String>,
    },

    /// The source has no name to look for in the list.
    #[error("{name} has no file name to look up in {list}")]
    NoName {
        /// The source.
        name: String,
        /// The list.
        list: String,
    },

    /// The list has no entry for it.
    #[error("{list} has no checksum of {}{}", .names.join(" or "), others(.has, *.entries))]
    NoEntry {
        /// The list.
        list: String,
        /// The names looked for.
        names: Vec<String>,
        /// The first names in the list.
        has: Vec<String>,
        /// The number of entries in the list.
        entries: usize,
    },

    /// A list, a signature or a key cannot be read.
    #[error("cannot read the {what}")]
    Unreadable {
        /// Its role: a list, a signature or a key.
        what: &'static str,
        /// Why not.
        source: Box<SourceError>,
    },

    /// A list, a signature or a key has more bytes than allowed.
    #[error("{name} is too large for a {what}: more than {limit} bytes")]
    TooLarge {
        /// Where it is.
        name: String,
        /// Its expected role: a list, a signature or a key.
        what: &'static str,
        /// Bytes that are allowed.
        limit: usize,
    },

    /// It has no digests.
    #[error("{list} is not a list of checksums")]
    NotAList {
        /// Where it is.
        list: String,
    },

    /// It contains no supported public key.
    #[error("{name} contains no OpenPGP public key")]
    NotAKey {
        /// Where it is.
        name: String,
        /// The error of the parser, if it gives one.
        source: Option<BoxError>,
    },

    /// There is a signature, but no key to check it with.
    #[error("cannot verify the signature {name} without a public key")]
    NoKey {
        /// Where it is.
        name: String,
    },

    /// There is a key, but no signature.
    #[error("{list} is not signed")]
    Unsigned {
        /// The list.
        list: String,
    },

    /// The signature is malformed or truncated.
    #[error("{name} contains no complete OpenPGP signature")]
    NotASignature {
        /// Where it is.
        name: String,
        /// The error of the parser, if it gives one.
        source: Option<BoxError>,
    },

    /// The list has no valid signature.
    #[error("the signature of {list} is not valid: {}", said(.refusals))]
    Signature {
        /// The list.
        list: String,
        /// The reasons for refusing each signature, and each key that may have made it.
        refusals: Vec<Refusal>,
    },
}

impl ChecksumError {
    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            ChecksumError::NoKey { .. } | ChecksumError::NoName { .. } => ErrorKind::Usage,
            ChecksumError::Differs { .. }
            | ChecksumError::Unsigned { .. }
            | ChecksumError::NotASignature { .. }
            | ChecksumError::Signature { .. } => ErrorKind::SourceDiffers,
            ChecksumError::NotComputed { .. } => ErrorKind::Unexpected,
            ChecksumError::Unreadable { source, .. } => source.kind(),
            _ => ErrorKind::Source,
        }
    }

    /// Whether a later attempt may succeed: a list, a signature or a key could not be fetched.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, ChecksumError::Unreadable { source, .. } if source.is_transient())
    }

    /// The time to wait before that attempt, where the server states it.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            ChecksumError::Unreadable { source, .. } => source.retry_after(),
            _ => None,
        }
    }
}

/// The reason for refusing a signature. Keys are named by their fingerprints; unknown keys as the signature
/// names them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// None of the keys made it.
    #[error("it was made with key {key}, which is not among the given keys")]
    UnknownSigner {
        /// The key.
        key: String,
    },

    /// The key has signed another text, or did not make this signature.
    #[error("it does not match the list and key {key}")]
    Wrong {
        /// The key.
        key: String,
    },

    /// Its hash algorithm is broken.
    #[error("it uses {hash}, which is not secure")]
    WeakHash {
        /// The algorithm.
        hash: String,
    },

    /// Its validity period has ended.
    #[error("it has expired")]
    Expired,

    /// Its time is in the future.
    #[error("its date is in the future; check the clock of this computer")]
    Future,

    /// It is not a signature of data, or of an old or unknown version.
    #[error("its version or type is not supported")]
    Kind,

    /// The validity period of the key has ended.
    #[error("key {key} has expired")]
    KeyExpired {
        /// The key.
        key: String,
    },

    /// The key was revoked.
    #[error("key {key} was revoked")]
    KeyRevoked {
        /// The key.
        key: String,
    },

    /// The key is not for signatures, or does not state its purpose.
    #[error("key {key} may not sign data")]
    KeyUnfit {
        /// The key.
        key: String,
    },

    /// The key is too weak.
    #[error("key {key} is too weak to be secure")]
    KeyWeak {
        /// The key.
        key: String,
    },
}

fn listed(list: &Option<String>) -> String {
    list.as_ref().map(|list| format!(" as in {list}")).unwrap_or_default()
}

/// A size as a message shows it.
fn size(bytes: u64) -> String {
    if bytes > 0 && bytes.is_multiple_of(1 << 20) {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{bytes} bytes")
    }
}

fn others(has: &[String], entries: usize) -> String {
    match entries - has.len() {
        0 => format!("; it has {}", has.join(", ")),
        more => format!("; it has {} and {more} more", has.join(", ")),
    }
}

fn said(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_serialises_in_kebab_case_and_can_be_read_back() {
        for (kind, text) in [
            (ErrorKind::SourceDiffers, "\"source-differs\""),
            (ErrorKind::Usage, "\"usage\""),
            (ErrorKind::WaitedTooLong, "\"waited-too-long\""),
        ] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), text);
            assert_eq!(serde_json::from_str::<ErrorKind>(text).unwrap(), kind);
        }
    }

    #[test]
    fn errors_of_the_network_are_transient_and_errors_of_the_data_are_not() {
        let name = || "disk.img".to_owned();
        let overloaded = || SourceError::GaveUp {
            name: name(),
            at: 0,
            attempts: 6,
            source: Interruption::Unavailable {
                status: StatusCode::SERVICE_UNAVAILABLE,
                retry_after: Some(Duration::from_secs(7)),
            },
        };
        assert!(overloaded().is_transient() && overloaded().is_after_retries());
        let list = ChecksumError::Unreadable { what: "key", source: Box::new(overloaded()) };
        let list = SourceError::from(list);
        assert!(list.is_transient() && list.is_after_retries());
        assert_eq!(list.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(list.kind(), ErrorKind::Source);

        let read = |kind: std::io::ErrorKind| SourceError::Read {
            name: name(),
            at: 0,
            source: kind.into(),
        };
        assert!(read(std::io::ErrorKind::ConnectionReset).is_transient());
        assert!(!read(std::io::ErrorKind::UnexpectedEof).is_transient());
        assert!(!SourceError::Changed { name: name() }.is_transient());
        let unsigned = SourceError::from(ChecksumError::Unsigned { list: name() });
        assert_eq!((unsigned.kind(), unsigned.is_transient()), (ErrorKind::SourceDiffers, false));
    }
}
