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
}
