//! Why a source is not proved.

use imgpush_digest::Algorithm;

use crate::SourceError;

/// A source that is not what it has to be, or of which that cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
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
        source: Option<pgp::errors::Error>,
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
        source: Option<pgp::errors::Error>,
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
