//! What is known of a source without reading it.

use imgpush_digest::{Algorithm, Digest};

/// A digest that a source is held to, before it is read.
///
/// What follows from it holds for what is read as well, since anything else never becomes an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The digest.
    pub digest: Digest,
    /// Whether it is of the packed bytes that the source takes apart, and not of what it hands out.
    pub is_packed: bool,
}

impl Published {
    /// The one that says most: the longest, and of those the first by name. None by an algorithm for which
    /// two files with one digest can be made.
    pub(crate) fn strongest(all: &[Published]) -> Option<Published> {
        let is_strong =
            |one: &&Published| !matches!(one.digest.algorithm(), Algorithm::Md5 | Algorithm::Sha1);
        let rank = |one: &&Published| {
            let algorithm = one.digest.algorithm();
            (std::cmp::Reverse(algorithm.digest_bytes()), algorithm.name(), one.is_packed)
        };
        all.iter().filter(is_strong).min_by_key(rank).copied()
    }
}
