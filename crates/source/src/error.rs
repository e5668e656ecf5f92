//! Errors of sources, and of the checksums that sources are compared with.
//!
//! Both are in one file, since a list of checksums is itself read from a source.

use http::StatusCode;
use imgpush_digest::Algorithm;

use crate::compression::Compression;

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

    /// It has another size than was said.
    #[error("{name} has {found} bytes, not {expected}")]
    Size {
        /// The source.
        name: String,
        /// Bytes that were said.
        expected: u64,
        /// Bytes found.
        found: u64,
    },

    /// It is no address.
    #[error("{name} is no address")]
    Address {
        /// What was given.
        name: String,
        /// Why.
        source: BoxError,
    },

    /// This build of the program cannot read it.
    #[error("{name} cannot be read: this build has no support for {feature}")]
    Unsupported {
        /// The source.
        name: String,
        /// The feature of this crate that it needs.
        feature: &'static str,
    },

    /// No connection to its server came about.
    #[error("cannot reach {name}")]
    Unreachable {
        /// The source.
        name: String,
        /// Why.
        source: BoxError,
    },

    /// Its server does not give it.
    #[error("{name} was answered with {status}")]
    Refused {
        /// The source.
        name: String,
        /// What it says.
        status: StatusCode,
    },

    /// Its server says neither how long it is nor where it ends.
    #[error("{name} comes without a length, so that its end looks like a connection that broke")]
    Endless {
        /// The source.
        name: String,
    },

    /// The connection broke, and its server does not give the rest.
    #[error("{name} broke off at byte {at} and cannot be gone on with: {reason}")]
    NotResumable {
        /// The source.
        name: String,
        /// Bytes received.
        at: u64,
        /// Why not.
        reason: &'static str,
    },

    /// Its server sent other bytes than were asked for.
    #[error("{name} was asked for from byte {asked}, and its server answered with {found:?}")]
    WrongRange {
        /// The source.
        name: String,
        /// The byte asked for.
        asked: u64,
        /// The Content-Range of the answer.
        found: String,
    },

    /// The connection broke, or the server was overloaded, and trying again brought no byte.
    #[error("{name} was given up at byte {at} after {attempts} requests")]
    GaveUp {
        /// The source.
        name: String,
        /// Bytes received.
        at: u64,
        /// Requests in all.
        attempts: u32,
        /// Why the last connection ended.
        source: Interruption,
    },

    /// It is packed, and broken, or not to its end there.
    #[error("the {compression} data of {name} cannot be unpacked behind byte {at}")]
    Damaged {
        /// The source.
        name: String,
        /// How it is packed.
        compression: Compression,
        /// Bytes unpacked.
        at: u64,
        /// Why.
        source: std::io::Error,
    },

    /// It is packed in a way that takes more memory than there shall be.
    #[error("unpacking {name} takes more than {limit} bytes of memory")]
    Dictionary {
        /// The source.
        name: String,
        /// Bytes that are allowed.
        limit: u64,
    },

    /// It is packed, and larger than it may be.
    #[error("{name} has more than {limit} bytes when it is unpacked")]
    TooLarge {
        /// The source.
        name: String,
        /// Bytes that are allowed.
        limit: u64,
    },

    /// It is not what it has to be, or nobody can tell.
    #[error(transparent)]
    Unverified(Box<ChecksumError>),
}

impl From<ChecksumError> for SourceError {
    fn from(error: ChecksumError) -> Self {
        SourceError::Unverified(Box::new(error))
    }
}

/// The cause of another library, which is no part of this crate's interface.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a connection that brought a source ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Interruption {
    /// The connection to the server failed.
    #[error(transparent)]
    Transport(BoxError),

    /// The server is overloaded or out of order.
    #[error("the server answered with {status}")]
    Unavailable {
        /// The status of its answer.
        status: StatusCode,
    },

    /// No byte came for the idle time-out.
    #[error("no byte came for {seconds} seconds")]
    Stalled {
        /// The time-out, in seconds.
        seconds: u64,
    },

    /// The answer ended regularly, but before the size of the file.
    #[error("the answer ended at byte {at} of {size}")]
    Short {
        /// Where it ended.
        at: u64,
        /// Bytes of the file.
        size: u64,
    },
}

/// A source that is not what it has to be, or of which that cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumError {
    /// It has another digest.
    #[error("the {algorithm} of {name} is {}, not {expected}{}", .found.join(", of what it holds "), listed(.list))]
    Differs {
        /// The source, or what is in it.
        name: String,
        /// The algorithm.
        algorithm: Algorithm,
        /// The digest that was expected.
        expected: String,
        /// The digest that was computed; then that of what the source holds, where it would have done as
        /// well.
        found: Vec<String>,
        /// The list that has the digest; none when it was given itself.
        list: Option<String>,
    },

    /// Whoever read it has not computed the digest.
    #[error("nobody has computed the {algorithm} of {name}")]
    NotComputed {
        /// The source.
        name: String,
        /// The algorithm.
        algorithm: Algorithm,
    },

    /// The same bytes cannot have both digests.
    #[error("{name} cannot have both {algorithm} {first} and {algorithm} {second}{}", listed(.list))]
    Contradiction {
        /// The source, or what is in it.
        name: String,
        /// The algorithm.
        algorithm: Algorithm,
        /// A digest.
        first: String,
        /// Another.
        second: String,
        /// A list that has one of them.
        list: Option<String>,
    },

    /// There is no name to look for.
    #[error("{name} has no file name to look for in {list}")]
    NoName {
        /// The source.
        name: String,
        /// The list.
        list: String,
    },

    /// The list does not name it.
    #[error("{list} has no digest of {}{}", .names.join(" or "), others(.has, *.entries))]
    NoEntry {
        /// The list.
        list: String,
        /// The names looked for.
        names: Vec<String>,
        /// The first names that the list has.
        has: Vec<String>,
        /// How many it has.
        entries: usize,
    },

    /// A list, a signature or a key cannot be had.
    #[error("the {what} cannot be read")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// Why not.
        source: Box<SourceError>,
    },

    /// A list, a signature or a key has more bytes than any that is one.
    #[error("{name} is too large for a {what}: more than {limit} bytes")]
    TooLarge {
        /// Where it is.
        name: String,
        /// What it should be.
        what: &'static str,
        /// Bytes that are allowed.
        limit: usize,
    },

    /// It has no digests.
    #[error("{list} is no list of checksums")]
    NotAList {
        /// Where it is.
        list: String,
    },

    /// It has no public keys that are understood.
    #[error("{name} has no OpenPGP public key")]
    NotAKey {
        /// Where it is.
        name: String,
        /// Why not, where the parser says.
        source: Option<BoxError>,
    },

    /// There is a signature, and nothing to check it by.
    #[error("the signature {name} cannot be checked without a key")]
    NoKey {
        /// Where it is.
        name: String,
    },

    /// There is a key, and no signature.
    #[error("{list} is not signed")]
    Unsigned {
        /// The list.
        list: String,
    },

    /// What should be a signature is none, or was cut.
    #[error("{name} has no OpenPGP signature, or not all of one")]
    NotASignature {
        /// Where it is.
        name: String,
        /// Why not, where the parser says.
        source: Option<BoxError>,
    },

    /// No signature proves the list.
    #[error("the signature of {list} does not hold: {}", said(.refusals))]
    Signature {
        /// The list.
        list: String,
        /// What is wrong with each signature, and with each key that it could be by.
        refusals: Vec<Refusal>,
    },
}

/// What is wrong with a signature. Keys are named by their fingerprints, unknown ones as the signature
/// names them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// None of the keys has made it.
    #[error("it is by key {key}, which is not given")]
    UnknownSigner {
        /// The key.
        key: String,
    },

    /// The key has signed something else, or not at all.
    #[error("key {key} has not signed this")]
    Wrong {
        /// The key.
        key: String,
    },

    /// It is over a digest that can be forged.
    #[error("it relies on {hash}, which can be forged")]
    WeakHash {
        /// The algorithm.
        hash: String,
    },

    /// It was to be valid for a while that is over.
    #[error("it has expired")]
    Expired,

    /// It is from the future.
    #[error("it is from the future; one of two clocks is wrong")]
    Future,

    /// It is no signature of data, or of an old or unknown kind.
    #[error("it is of a kind that proves nothing here")]
    Kind,

    /// The key was to be valid for a while that is over.
    #[error("key {key} has expired")]
    KeyExpired {
        /// The key.
        key: String,
    },

    /// The key was revoked.
    #[error("key {key} is revoked")]
    KeyRevoked {
        /// The key.
        key: String,
    },

    /// The key is not for signatures, or nobody says that it is.
    #[error("key {key} is not for signing")]
    KeyUnfit {
        /// The key.
        key: String,
    },

    /// The key can be broken.
    #[error("key {key} is too weak")]
    KeyWeak {
        /// The key.
        key: String,
    },
}

fn listed(list: &Option<String>) -> String {
    list.as_ref().map(|list| format!(" as in {list}")).unwrap_or_default()
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
