//! Whether the server holds what was sent.

use imgpush_client::{Image, Status};
use imgpush_digest::{Algorithm, Digest, Digests};

use crate::error::Failure;
use crate::pipeline::Produced;

/// What comparing an image with the bytes sent says.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is the same, by these fields.
    Proved(Vec<&'static str>),
    /// This digest is needed to tell.
    Needs(Algorithm),
}

/// Compares all that the server says.
pub(crate) fn compare(image: &Image, sent: &Produced) -> Result<Verdict, Failure> {
    if image.status() != Status::Active {
        return Err(mismatch("status", "active", &image.status().to_string()));
    }
    if image.size() != Some(sent.bytes) {
        let found = image.size().map_or("not set".to_owned(), |size| size.to_string());
        return Err(mismatch("size", &sent.bytes.to_string(), &found));
    }
    let mut proved = Vec::new();
    match (image.hash_algo(), image.hash_value()) {
        (Some(name), Some(value)) => {
            let Ok(algorithm) = name.parse::<Algorithm>() else {
                return Err(Failure::CannotVerify {
                    reason: format!("the server hashes with {name}, which is not known here"),
                });
            };
            let Some(digest) = sent.digests.get(algorithm) else {
                return Ok(Verdict::Needs(algorithm));
            };
            equal("os_hash_value", digest, value)?;
            proved.push("os_hash_value");
        }
        (Some(name), None) => {
            return Err(Failure::CannotVerify {
                reason: format!("the server names {name} but shows no os_hash_value"),
            });
        }
        // Before API 2.7 there is only the checksum.
        (None, _) => {}
    }
    if let (Some(checksum), Some(digest)) = (image.checksum(), sent.digests.get(Algorithm::Md5)) {
        equal("checksum", digest, checksum)?;
        proved.push("checksum");
    }
    if proved.is_empty() {
        return Err(Failure::CannotVerify {
            reason: "the server shows neither os_hash_value nor checksum".to_owned(),
        });
    }
    Ok(Verdict::Proved(proved))
}

/// Both readings gave the same bytes, as far as every digest that both have tells.
pub(crate) fn same_bytes(first: &Digests, second: &Digests) -> bool {
    first.iter().all(|digest| second.get(digest.algorithm()).is_none_or(|other| other == digest))
}

fn equal(field: &'static str, computed: &Digest, found: &str) -> Result<(), Failure> {
    match Digest::from_hex(computed.algorithm(), found) {
        Ok(digest) if digest == *computed => Ok(()),
        _ => Err(mismatch(field, &computed.to_string(), found)),
    }
}

fn mismatch(field: &'static str, expected: &str, found: &str) -> Failure {
    Failure::Mismatch { field, expected: expected.to_owned(), found: found.to_owned() }
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
        Produced { bytes: data.len() as u64, digests: hasher.finish() }
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
    fn the_same_bytes_are_proved_by_both_hashes() {
        let verdict = compare(&image(&json!({})), &sent(b"abc")).unwrap();
        assert!(matches!(verdict, Verdict::Proved(by) if by == ["os_hash_value", "checksum"]));
        let only_md5 = image(&json!({"os_hash_algo": null, "os_hash_value": null}));
        let verdict = compare(&only_md5, &sent(b"abc")).unwrap();
        assert!(matches!(verdict, Verdict::Proved(by) if by == ["checksum"]));
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
                matches!(&failure, Failure::Mismatch { field: f, .. } if *f == field),
                "{changes}: {failure}"
            );
        }
    }

    #[test]
    fn what_cannot_be_compared_is_never_a_success() {
        let needs = compare(&image(&json!({"os_hash_algo": "sha3_256"})), &sent(b"abc")).unwrap();
        assert!(matches!(needs, Verdict::Needs(Algorithm::Sha3_256)));
        for changes in [
            json!({"os_hash_algo": "sm3"}),
            json!({"os_hash_value": null}),
            json!({"os_hash_algo": null, "os_hash_value": null, "checksum": null}),
        ] {
            let failure = compare(&image(&changes), &sent(b"abc")).unwrap_err();
            assert!(matches!(failure, Failure::CannotVerify { .. }), "{changes}: {failure}");
        }
    }
}
