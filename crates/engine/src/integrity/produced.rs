//! The result of a pass over a source.

use std::collections::BTreeMap;

use imgpush_digest::{Algorithm, Digest, Digests};
use imgpush_source::pool::Pool;
use imgpush_source::{Provenance, Source, SourceError};

use crate::resources::Hasher;

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

impl Produced {
    /// Reads and hashes a source to its end. `check` gets the bytes so far after each chunk, and can stop it.
    pub(crate) fn read<E: From<SourceError>>(
        source: &mut dyn Source,
        pool: &Pool,
        mut hasher: Hasher,
        mut check: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut bytes = 0;
        while let Some(chunk) = source.next_chunk(pool)? {
            hasher.update(&chunk);
            bytes += chunk.len();
            check(bytes)?;
        }
        let digests = hasher.finish();
        source.finish(&digests)?;
        Ok(Produced { bytes, digests, provenance: Provenance::default(), ignored_bytes: 0 })
    }
}

/// Formats digests for reports.
pub(crate) fn shown(digests: &Digests) -> BTreeMap<String, String> {
    let pair = |digest: &Digest| (digest.algorithm().to_string(), digest.to_string());
    digests.iter().map(pair).collect()
}
