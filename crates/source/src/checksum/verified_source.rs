//! A source that must have expected checksums.

use imgpush_digest::{Algorithm, Digest, Digests};

use super::claim::{Claim, Of};
use super::list::ChecksumList;
use crate::chunk::Chunk;
use crate::error::{ChecksumError, SourceError};
use crate::pool::Pool;
use crate::provenance::{ChecksumSubject, Provenance, Published, SourceChecksum};
use crate::source::{Compressed, ReadAt, Rewind, Source, SourceTimes};

/// A wrapper of a source, which finishes only if the bytes have the expected checksums.
/// [`Expected::of`](super::Expected::of) returns it.
pub struct VerifiedSource {
    source: Box<dyn Source>,
    claims: Vec<Claim>,
    wants: Vec<Algorithm>,
    published: Vec<Published>,
    list: Option<String>,
    signer: Option<String>,
    provenance: Option<Provenance>,
}

impl VerifiedSource {
    pub(super) fn new(
        mut source: Box<dyn Source>,
        claims: Vec<Claim>,
        list: Option<&ChecksumList>,
    ) -> Self {
        let algorithms = |unlike: Of| {
            let wanted = claims.iter().filter(move |claim| claim.of != unlike);
            wanted.map(|claim| claim.digest.algorithm())
        };
        let mut wants = source.wants().to_vec();
        match source.compressed() {
            Some(compressed) => {
                compressed.hash(&Vec::from_iter(algorithms(Of::Content)));
                wants.extend(algorithms(Of::Source));
            }
            None => wants.extend(claims.iter().map(|claim| claim.digest.algorithm())),
        }
        wants.sort_unstable();
        wants.dedup();
        let is_compressed_source = source.compressed().is_some();
        let published = claims.iter().filter_map(|claim| {
            let is_compressed = match claim.of {
                Of::Source => is_compressed_source,
                Of::Content => false,
                // Only known after reading.
                Of::Either => return None,
            };
            Some(Published { digest: claim.digest, is_compressed })
        });
        let published = published.collect();
        let signer = list.and_then(|list| list.signed_by().map(str::to_owned));
        let list = list.map(|list| list.name().to_owned());
        VerifiedSource { source, claims, wants, published, list, signer, provenance: None }
    }

    /// Compares all checksums.
    fn verify(&mut self, digests: &Digests) -> Result<Provenance, ChecksumError> {
        let compressed = self.source.compressed().map(|bytes| bytes.digests().clone());
        let name = self.source.name();
        let mut provenance = Provenance::default();
        for claim in &self.claims {
            let list = self.list.clone().filter(|_| claim.is_listed);
            let checksum = compare(claim, digests, compressed.as_ref(), name, list)?;
            if !provenance.source_verified_by.contains(&checksum.algorithm) {
                provenance.source_verified_by.push(checksum.algorithm);
            }
            provenance.source_checksums.push(checksum);
        }
        if self.claims.iter().any(|claim| claim.is_listed) {
            provenance.source_signed_by.clone_from(&self.signer);
        }
        Ok(provenance)
    }
}

/// Looks for one digest among those of the content, and of the compressed bytes if there are any.
fn compare(
    claim: &Claim,
    digests: &Digests,
    compressed: Option<&Digests>,
    name: &str,
    list: Option<String>,
) -> Result<SourceChecksum, ChecksumError> {
    let algorithm = claim.digest.algorithm();
    let computed = |digests: &Digests| {
        let missing = || ChecksumError::NotComputed { name: name.to_owned(), algorithm };
        digests.get(algorithm).copied().ok_or_else(missing)
    };
    let found: Vec<Digest> = match (claim.of, compressed) {
        (Of::Source, Some(compressed)) => vec![computed(compressed)?],
        (Of::Either, Some(compressed)) => vec![computed(compressed)?, computed(digests)?],
        (Of::Source | Of::Content | Of::Either, _) => vec![computed(digests)?],
    };
    let Some(at) = found.iter().position(|digest| *digest == claim.digest) else {
        return Err(ChecksumError::Differs {
            name: claim.of.shown(name),
            algorithm,
            expected: claim.digest.to_string(),
            found: found.iter().map(ToString::to_string).collect(),
            list,
        });
    };
    let is_of_content = claim.of == Of::Content || at > 0;
    let of = if is_of_content { ChecksumSubject::Content } else { ChecksumSubject::Source };
    Ok(SourceChecksum { algorithm, digest: claim.digest.to_string(), of, list })
}

impl std::fmt::Debug for VerifiedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedSource")
            .field("name", &self.source.name())
            .field("claims", &self.claims)
            .field("provenance", &self.provenance)
            .finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Source for VerifiedSource {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn file_name(&self) -> Option<String> {
        self.source.file_name()
    }

    fn image_name(&self) -> Option<String> {
        self.source.image_name()
    }

    fn content_name(&self) -> Option<String> {
        self.source.content_name()
    }

    fn size(&self) -> Option<u64> {
        self.source.size()
    }

    fn stamp(&self) -> Option<String> {
        self.source.stamp()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.source.next_chunk(pool)
    }

    fn wants(&self) -> &[Algorithm] {
        &self.wants
    }

    fn check(&mut self) -> Result<(), SourceError> {
        self.source.check()
    }

    fn finish(&mut self, digests: &Digests) -> Result<(), SourceError> {
        self.source.finish(digests)?;
        self.provenance = Some(self.verify(digests)?);
        Ok(())
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }

    fn times(&mut self) -> SourceTimes {
        self.source.times()
    }

    fn published(&self) -> &[Published] {
        &self.published
    }

    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        self.source.compressed()
    }

    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        self.source.random_access()
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.source.rewind().is_some().then_some(self)
    }
}

impl Rewind for VerifiedSource {
    /// Verification also applies to a second pass.
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.provenance = None;
        self.source.rewind().expect("only then this can be rewound").to_start()
    }
}
