//! Errors in texts for digests, algorithms and backends.

use crate::Algorithm;

/// An invalid text for a digest, an algorithm or a backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name of the algorithm is unknown.
    #[error("unknown hash algorithm {0}")]
    UnknownAlgorithm(String),
    /// The digest is not hexadecimal, or has another length than the algorithm's digests.
    #[error("a {algorithm} digest has {} hexadecimal digits", 2 * .0.digest_bytes(), algorithm = .0)]
    NotADigest(Algorithm),
    /// The digest has no name of an algorithm, and no usual algorithm has digests of this number of digits.
    #[error("no supported hash algorithm has digests of {0} hexadecimal digits")]
    UnknownLength(usize),
    /// The name of the backend is unknown.
    #[error("unknown hashing backend {0}; available are {names}", names = crate::backend::NAMES.join(", "))]
    UnknownBackend(String),
    /// This CPU cannot run the backend, or the build excludes it.
    #[error("this CPU does not support the hashing backend {0}")]
    UnavailableBackend(&'static str),
}
