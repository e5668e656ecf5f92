//! The result of a pass over a source.

use imgpush_digest::{Algorithm, Digest, Digests};
use imgpush_source::Provenance;
use std::collections::BTreeMap;

/// Algorithms that are computed for every image: the ones that Glance uses by default.
pub(crate) const DEFAULT_ALGORITHMS: [Algorithm; 2] = [Algorithm::Md5, Algorithm::Sha512];

/// Size and digests of a source that was read to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Produced {
    /// Bytes read.
    pub bytes: u64,
    /// The digests of the data.
    pub digests: Digests,
    /// How the source was verified, if that was requested.
    pub provenance: Provenance,
    /// Bytes after the compressed data of the source that were ignored.
    pub ignored_bytes: u64,
}

/// Formats digests for reports.
pub(crate) fn shown(digests: &Digests) -> BTreeMap<String, String> {
    let pair = |digest: &Digest| (digest.algorithm().to_string(), digest.to_string());
    digests.iter().map(pair).collect()
}
