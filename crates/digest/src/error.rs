//! Errors in texts for digests, algorithms and backends.

use crate::Algorithm;

/// An invalid text for a digest, an algorithm or a backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name of the algorithm is unknown.
    #[error("no hash algorithm is called {0}")]
    UnknownAlgorithm(String),
    /// The digest is not hexadecimal, or has another length than the algorithm's digests.
    #[error("not a digest of {algorithm}, which has {} hexadecimal digits", 2 * .0.digest_bytes(), algorithm = .0)]
    NotADigest(Algorithm),
    /// The digest has no name of an algorithm, and no usual algorithm has digests of this number of digits.
    #[error("no usual hash algorithm has digests of {0} hexadecimal digits")]
    UnknownLength(usize),
    /// The name of the backend is unknown.
    #[error("no hashing backend is called {0}; there are {names}", names = crate::backend::NAMES.join(", "))]
    UnknownBackend(String),
    /// This CPU cannot run the backend, or the build excludes it.
    #[error("the hashing backend {0} does not run here")]
    UnavailableBackend(&'static str),
}
