//! Digests of a source that are known before reading, and the results of its verification.

use imgpush_digest::{Algorithm, Digest};
use serde::{Deserialize, Serialize};

/// A digest that a source must have, known before it is read.
///
/// Conclusions from it also apply to the bytes that are read, since other bytes never become an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The digest.
    pub digest: Digest,
    /// Whether it is the digest of the compressed bytes that the source decompresses, and not of its own.
    pub is_compressed: bool,
}

impl Published {
    /// The strongest digest: the longest, and of those the first by name. MD5 and SHA-1 do not count, since
    /// collisions can be made.
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

/// The results of verifying a source: keys in the reports of a push and of a staging.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Provenance {
    /// The algorithms whose digests were compared; empty when no checksum was expected.
    #[serde(with = "algorithm_names")]
    pub source_verified_by: Vec<Algorithm>,
    /// The fingerprint of the key that signed the list, where a signature was required.
    pub source_signed_by: Option<String>,
    /// The digests that were compared.
    pub source_checksums: Vec<SourceChecksum>,
}

/// A digest that was expected and matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceChecksum {
    /// The algorithm, serialised as its name.
    #[serde(with = "algorithm_name")]
    pub algorithm: Algorithm,
    /// In hex.
    pub digest: String,
    /// The bytes that it covers.
    pub of: ChecksumSubject,
    /// The list that contains it; none when the digest itself was given.
    pub list: Option<String>,
}

/// The bytes of a source that a digest covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChecksumSubject {
    /// The bytes of the source, compressed or not.
    Source,
    /// The decompressed content of a compressed source.
    Content,
}

impl ChecksumSubject {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChecksumSubject::Source => "source",
            ChecksumSubject::Content => "content",
        }
    }
}

impl std::fmt::Display for ChecksumSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// An algorithm as its name.
mod algorithm_name {
    use imgpush_digest::Algorithm;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        algorithm: &Algorithm,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(algorithm.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Algorithm, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Algorithms as their names.
mod algorithm_names {
    use imgpush_digest::Algorithm;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        algorithms: &[Algorithm],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(algorithms.iter().map(|algorithm| algorithm.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Algorithm>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provenance_can_be_read_back_from_its_json() {
        let text = r#"{"source_verified_by":["sha256","sha3_256"],"source_signed_by":"ABCD","source_checksums":[{"algorithm":"sha256","digest":"00","of":"content","list":null}]}"#;
        let provenance: Provenance = serde_json::from_str(text).unwrap();
        assert_eq!(provenance.source_verified_by, [Algorithm::Sha256, Algorithm::Sha3_256]);
        assert_eq!(provenance.source_checksums[0].of, ChecksumSubject::Content);
        assert_eq!(serde_json::to_string(&provenance).unwrap(), text);
    }
}
