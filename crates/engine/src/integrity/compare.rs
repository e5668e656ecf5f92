//! Comparison of an image with computed digests. Pushes, downloads and verifications all use this module.

use imgpush_client::{Image, Status};
use imgpush_digest::{Algorithm, Digest, Digests};

use super::error::IntegrityError;
use super::produced::Produced;
use super::verified_by::VerifiedBy;

/// The result of a comparison.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The image is equal, according to these fields.
    Verified(Vec<VerifiedBy>),
    /// This digest has to be computed first.
    Needs(Algorithm),
}

/// Compares an image, which should be active, with the size and the digests of the data that was sent.
pub(crate) fn compare(image: &Image, sent: &Produced) -> Result<Verdict, IntegrityError> {
    if image.status() != Status::Active {
        return Err(mismatch("status", "active", &image.status().to_string()));
    }
    same_size(image, sent.bytes)?;
    let claims = HashClaims::of(image);
    claims.sufficient()?;
    claims.compare(&sent.digests)
}

/// Checks the size of the image.
pub(crate) fn same_size(image: &Image, bytes: u64) -> Result<(), IntegrityError> {
    if image.size() == Some(bytes) {
        return Ok(());
    }
    let found = image.size().map_or("not set".to_owned(), |size| size.to_string());
    Err(mismatch("size", &bytes.to_string(), &found))
}

/// The digests that an image has.
#[derive(Debug)]
pub(crate) struct HashClaims<'a> {
    /// The digests that can be computed here, the strongest first.
    hashes: Vec<HashClaim<'a>>,
    /// Why they are not sufficient for a verification; `None` if they are.
    doubt: Option<String>,
}

#[derive(Debug)]
struct HashClaim<'a> {
    field: VerifiedBy,
    algorithm: Algorithm,
    value: &'a str,
    /// Whether the digest is required for a verification. The checksum is sufficient alone, but not required,
    /// because FIPS hosts have none.
    is_required: bool,
}

impl<'a> HashClaims<'a> {
    pub(crate) fn of(image: &'a Image) -> Self {
        let mut claims = HashClaims { hashes: Vec::new(), doubt: None };
        match (image.hash_algo(), image.hash_value()) {
            (Some(name), Some(value)) => match name.parse() {
                Ok(algorithm) => claims.add(VerifiedBy::OsHashValue, algorithm, value, true),
                Err(_) => {
                    claims.doubt = Some(format!(
                        "the service hashes with {name}, which imgpush does not support"
                    ));
                }
            },
            (Some(name), None) => {
                claims.doubt =
                    Some(format!("the service reports the algorithm {name} but no os_hash_value"));
            }
            // Before API 2.7 there is only the checksum.
            (None, _) => {}
        }
        if let Some(checksum) = image.checksum() {
            claims.add(VerifiedBy::Checksum, Algorithm::Md5, checksum, false);
        }
        if claims.hashes.is_empty() && claims.doubt.is_none() {
            claims.doubt =
                Some("the service reports neither os_hash_value nor checksum".to_owned());
        }
        claims
    }

    fn add(&mut self, field: VerifiedBy, algorithm: Algorithm, value: &'a str, is_required: bool) {
        self.hashes.push(HashClaim { field, algorithm, value, is_required });
    }

    /// Returns the algorithms to compute.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        self.hashes.iter().map(|claim| claim.algorithm).collect()
    }

    /// Returns why data with equal digests is not verified, if so.
    pub(crate) fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// Fails if data with equal digests is not verified.
    pub(crate) fn sufficient(&self) -> Result<(), IntegrityError> {
        match &self.doubt {
            Some(reason) => Err(IntegrityError::CannotVerify { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Compares the computed digests.
    pub(crate) fn compare(&self, computed: &Digests) -> Result<Verdict, IntegrityError> {
        let mut equal = Vec::new();
        for claim in &self.hashes {
            match computed.get(claim.algorithm) {
                Some(digest) => equal.push(claim.verify(digest)?),
                None if claim.is_required => return Ok(Verdict::Needs(claim.algorithm)),
                None => {}
            }
        }
        if equal.is_empty() && self.doubt.is_none() {
            return Err(IntegrityError::CannotVerify {
                reason: "no digest that the service reports was computed".to_owned(),
            });
        }
        Ok(Verdict::Verified(equal))
    }
}

impl HashClaim<'_> {
    fn verify(&self, computed: &Digest) -> Result<VerifiedBy, IntegrityError> {
        match Digest::from_hex(self.algorithm, self.value) {
            Ok(digest) if digest == *computed => Ok(self.field),
            _ => Err(mismatch(self.field.name(), &computed.to_string(), self.value)),
        }
    }
}

/// Whether two passes have read the same bytes, according to all digests that both have.
pub(crate) fn same_bytes(first: &Digests, second: &Digests) -> bool {
    first.iter().all(|digest| second.get(digest.algorithm()).is_none_or(|other| other == digest))
}

fn mismatch(field: &'static str, expected: &str, found: &str) -> IntegrityError {
    IntegrityError::Mismatch { field, expected: expected.to_owned(), found: found.to_owned() }
}

/// Converts a mismatch for a comparison in which the image is right and the data may be wrong. In a push it
/// is the other way round.
pub(crate) fn as_data_error(what: &str, failure: IntegrityError) -> IntegrityError {
    match failure {
        IntegrityError::Mismatch { field, expected, found } => IntegrityError::Differs {
            what: what.to_owned(),
            field,
            expected: found,
            found: expected,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use imgpush_digest::hash;
    use serde_json::json;

    use super::*;

    fn sent(data: &[u8]) -> Produced {
        let mut hasher = imgpush_digest::MultiHasher::new(
            [Algorithm::Md5, Algorithm::Sha512],
            std::num::NonZeroUsize::MIN,
        );
        hasher.update(&bytes::Bytes::copy_from_slice(data));
        Produced {
            bytes: data.len() as u64,
            digests: hasher.finish(),
            provenance: imgpush_source::Provenance::default(),
            ignored_bytes: 0,
        }
    }

    fn image(changes: &serde_json::Value) -> Image {
        let mut json = json!({"id": "x", "status": "active", "size": 3,
            "checksum": hash(Algorithm::Md5, b"abc").to_string(),
            "os_hash_algo": "sha512",
            "os_hash_value": hash(Algorithm::Sha512, b"abc").to_string()});
        for (key, value) in changes.as_object().unwrap() {
            json[key] = value.clone();
        }
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_same_bytes_are_verified_by_both_hashes() {
        let verdict = compare(&image(&json!({})), &sent(b"abc")).unwrap();
        assert!(
            matches!(verdict, Verdict::Verified(by) if by == [VerifiedBy::OsHashValue, VerifiedBy::Checksum])
        );
        let only_md5 = image(&json!({"os_hash_algo": null, "os_hash_value": null}));
        let verdict = compare(&only_md5, &sent(b"abc")).unwrap();
        assert!(matches!(verdict, Verdict::Verified(by) if by == [VerifiedBy::Checksum]));
    }

    #[test]
    fn any_field_that_differs_is_named() {
        for (changes, field) in [
            (json!({"status": "queued"}), "status"),
            (json!({"size": 4}), "size"),
            (json!({"size": null}), "size"),
            (json!({"checksum": "00"}), "checksum"),
            (
                json!({"os_hash_value": hash(Algorithm::Sha512, b"abd").to_string()}),
                "os_hash_value",
            ),
            (json!({"os_hash_value": "no hex"}), "os_hash_value"),
        ] {
            let failure = compare(&image(&changes), &sent(b"abc")).unwrap_err();
            assert!(
                matches!(&failure, IntegrityError::Mismatch { field: f, .. } if *f == field),
                "{changes}: {failure}"
            );
        }
    }

    #[test]
    fn an_unsupported_digest_is_reported_and_the_others_are_compared() {
        let doubtful = image(&json!({"os_hash_algo": "sm3"}));
        let claims = HashClaims::of(&doubtful);
        assert!(claims.doubt().unwrap().contains("sm3"));
        assert_eq!(claims.algorithms(), [Algorithm::Md5]);
        let verdict = claims.compare(&sent(b"abc").digests).unwrap();
        assert!(matches!(verdict, Verdict::Verified(by) if by == [VerifiedBy::Checksum]));
        assert!(claims.compare(&sent(b"abd").digests).is_err());
    }

    #[test]
    fn an_image_that_cannot_be_compared_is_never_a_success() {
        let needs = compare(&image(&json!({"os_hash_algo": "sha3_256"})), &sent(b"abc")).unwrap();
        assert!(matches!(needs, Verdict::Needs(Algorithm::Sha3_256)));
        for changes in [
            json!({"os_hash_algo": "sm3"}),
            json!({"os_hash_value": null}),
            json!({"os_hash_algo": null, "os_hash_value": null, "checksum": null}),
        ] {
            let failure = compare(&image(&changes), &sent(b"abc")).unwrap_err();
            assert!(matches!(failure, IntegrityError::CannotVerify { .. }), "{changes}: {failure}");
        }
    }
}
