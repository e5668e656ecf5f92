//! What is known of a source without reading it.

use imgpush_digest::{Algorithm, Digest};
use serde::Serialize;

/// A digest that a source is held to, before it is read.
///
/// What follows from it holds for what is read as well, since anything else never becomes an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The digest.
    pub digest: Digest,
    /// Whether it is of the packed bytes that the source takes apart, and not of what it hands out.
    pub is_compressed: bool,
}

impl Published {
    /// The one that says most: the longest, and of those the first by name. None by an algorithm for which
    /// two files with one digest can be made.
    #[must_use]
    pub fn strongest(all: &[Published]) -> Option<Published> {
        let is_strong =
            |one: &&Published| !matches!(one.digest.algorithm(), Algorithm::Md5 | Algorithm::Sha1);
        let rank = |one: &&Published| {
            let algorithm = one.digest.algorithm();
            (std::cmp::Reverse(algorithm.digest_bytes()), algorithm.name(), one.is_compressed)
        };
        all.iter().filter(is_strong).min_by_key(rank).copied()
    }
}

/// What has proved a source: keys of the reports of a push and of a staging.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Provenance {
    /// The algorithms whose digests were compared; none when nobody asked.
    pub source_verified_by: Vec<&'static str>,
    /// The fingerprint of the key that the list is signed by, where that was asked for.
    pub source_signed_by: Option<String>,
    /// The digests that were compared.
    pub source_checksums: Vec<SourceChecksum>,
}

/// A digest that was expected and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceChecksum {
    /// Its algorithm.
    pub algorithm: &'static str,
    /// In hex.
    pub digest: String,
    /// What it is of: `source`, or `content` for what a packed source holds.
    pub of: &'static str,
    /// The list that has it; none when it was given itself.
    pub list: Option<String>,
}
