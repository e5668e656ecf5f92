//! What a pass over a source computes.

use imgpush_digest::{Algorithm, Digest, Digests};
use imgpush_source::Provenance;
use std::collections::BTreeMap;

/// Computed of every image: what Glance reports unless it is told otherwise.
pub(crate) const DEFAULT_ALGORITHMS: [Algorithm; 2] = [Algorithm::Md5, Algorithm::Sha512];

/// What was read to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Produced {
    /// Bytes read.
    pub bytes: u64,
    /// Their digests.
    pub digests: Digests,
    /// What has proved the source, where that was asked for.
    pub provenance: Provenance,
}

/// Digests as reports show them.
pub(crate) fn shown(digests: &Digests) -> BTreeMap<String, String> {
    let pair = |digest: &Digest| (digest.algorithm().to_string(), digest.to_string());
    digests.iter().map(pair).collect()
}
