//! What text can be that should be a digest or an algorithm.

use crate::Algorithm;

/// Text that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No algorithm of that name is known here.
    #[error("no hash algorithm is called {0}")]
    UnknownAlgorithm(String),
    /// A digest that is not hexadecimal, or not as long as the algorithm's.
    #[error("not a digest of {algorithm}, which has {} hexadecimal digits", 2 * .0.digest_bytes(), algorithm = .0)]
    NotADigest(Algorithm),
    /// A digest without the name of an algorithm, and no usual one has digests of so many digits.
    #[error("no usual hash algorithm has digests of {0} hexadecimal digits")]
    UnknownLength(usize),
    /// No backend of that name is known here.
    #[error("no hashing backend is called {0}; there are {names}", names = crate::backend::NAMES.join(", "))]
    UnknownBackend(String),
    /// This CPU cannot run the backend, or the build left it out.
    #[error("the hashing backend {0} does not run here")]
    UnavailableBackend(&'static str),
}
