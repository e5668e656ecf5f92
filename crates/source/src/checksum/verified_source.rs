//! A source that has to be what is expected.

use bytes::Bytes;
use imgpush_digest::{Algorithm, Digest, Digests};

use super::claim::{Claim, Of};
use super::list::ChecksumList;
use crate::error::{ChecksumError, SourceError};
use crate::pool::Pool;
use crate::provenance::{Provenance, Published, SourceChecksum};
use crate::source::{Compressed, ReadAt, Rewind, Source, SourceTimes};

/// A source around another, which finishes only when the bytes are those expected. It is made by
/// [`Expected::of`](super::Expected::of).
pub struct VerifiedSource {
    source: Box<dyn Source>,
    claims: Vec<Claim>,
    wants: Vec<Algorithm>,
    published: Vec<Published>,
    list: Option<String>,
    signer: Option<String>,
    proof: Option<Provenance>,
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
            Some(packed) => {
                packed.hash(&Vec::from_iter(algorithms(Of::Content)));
                wants.extend(algorithms(Of::Source));
            }
            None => wants.extend(claims.iter().map(|claim| claim.digest.algorithm())),
        }
        wants.sort_unstable();
        wants.dedup();
        let is_unpacking = source.compressed().is_some();
        let published = claims.iter().filter_map(|claim| {
            let is_compressed = match claim.of {
                Of::Source => is_unpacking,
                Of::Content => false,
                // Only reading tells which.
                Of::Either => return None,
            };
            Some(Published { digest: claim.digest, is_compressed })
        });
        let published = published.collect();
        let signer = list.and_then(|list| list.signed_by().map(str::to_owned));
        let list = list.map(|list| list.name().to_owned());
        VerifiedSource { source, claims, wants, published, list, signer, proof: None }
    }

    /// What has proved it, or why it is not proved.
    fn judge(&mut self, digests: &Digests) -> Result<Provenance, ChecksumError> {
        let packed = self.source.compressed().map(|packed| packed.digests().clone());
        let name = self.source.name();
        let mut proof = Provenance::default();
        for claim in &self.claims {
            let list = self.list.clone().filter(|_| claim.is_listed);
            let checksum = judge(claim, digests, packed.as_ref(), name, list)?;
            if !proof.source_verified_by.contains(&checksum.algorithm) {
                proof.source_verified_by.push(checksum.algorithm);
            }
            proof.source_checksums.push(checksum);
        }
        if self.claims.iter().any(|claim| claim.is_listed) {
            proof.source_signed_by.clone_from(&self.signer);
        }
        Ok(proof)
    }
}

/// Looks for one digest among those of the bytes handed out, and of the packed bytes where there are any.
fn judge(
    claim: &Claim,
    digests: &Digests,
    packed: Option<&Digests>,
    name: &str,
    list: Option<String>,
) -> Result<SourceChecksum, ChecksumError> {
    let algorithm = claim.digest.algorithm();
    let computed = |digests: &Digests| {
        let missing = || ChecksumError::NotComputed { name: name.to_owned(), algorithm };
        digests.get(algorithm).copied().ok_or_else(missing)
    };
    let found: Vec<Digest> = match (claim.of, packed) {
        (Of::Source, Some(packed)) => vec![computed(packed)?],
        (Of::Either, Some(packed)) => vec![computed(packed)?, computed(digests)?],
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
    let of = if claim.of == Of::Content || at > 0 { "content" } else { "source" };
    Ok(SourceChecksum { algorithm: algorithm.name(), digest: claim.digest.to_string(), of, list })
}

impl std::fmt::Debug for VerifiedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedSource")
            .field("name", &self.source.name())
            .field("claims", &self.claims)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

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

    fn size(&self) -> Option<u64> {
        self.source.size()
    }

    fn stamp(&self) -> Option<String> {
        self.source.stamp()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Bytes>, SourceError> {
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
        self.proof = Some(self.judge(digests)?);
        Ok(())
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.proof.as_ref()
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
    /// What is read again is proved again.
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.proof = None;
        self.source.rewind().expect("the source has a way back, or this has none").to_start()
    }
}
