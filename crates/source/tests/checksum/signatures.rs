//! Signed lists: valid signatures are accepted, all others refused.

use imgpush_source::checksum::{ChecksumList, Expected, Keys};
use imgpush_source::{ChecksumError, Refusal};
use pgp::composed::{KeyType, SubpacketConfig};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::SubpacketData;
use pgp::types::{Duration, Timestamp};

use super::data::sha256;
use super::signer::{Signer, ago, armored, bytes};

const LIST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad *noble.img\n";

fn keys(signers: &[&Signer]) -> Keys {
    let all = signers.iter().map(|signer| Keys::parse("key", &signer.public()).unwrap());
    all.fold(Keys::default(), Keys::and)
}

fn check(signature: &[u8], keys: &Keys) -> Result<String, ChecksumError> {
    let list = ChecksumList::parse_signed("SHA256SUMS", LIST.as_bytes(), Some(signature), keys)?;
    Ok(list.signed_by().unwrap().to_owned())
}

fn refusals(result: Result<String, ChecksumError>) -> Vec<Refusal> {
    match result {
        Err(ChecksumError::Signature { refusals, .. }) => refusals,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_signature_names_its_key() {
    for kind in [KeyType::Ed25519Legacy, KeyType::Rsa(2048), KeyType::Ed25519] {
        let signer = Signer::of(kind, true);
        let keys = keys(&[&Signer::new(), &signer]);
        for signature in [signer.sign(LIST.as_bytes()), signer.sign_by_subkey(LIST.as_bytes())] {
            for signature in [bytes(&signature), armored(&signature)] {
                assert_eq!(check(&signature, &keys).unwrap(), signer.fingerprint());
            }
        }
        let clear = signer.clear_sign(LIST);
        let list = ChecksumList::parse_signed("CHECKSUM", clear.as_bytes(), None, &keys).unwrap();
        assert_eq!(list.signed_by(), Some(&*signer.fingerprint()));
        assert!(!list.is_unchecked());
    }
}

#[test]
fn keys_are_read_armored_and_from_files_with_several() {
    let (one, two) = (Signer::new(), Signer::new());
    let texts = [
        [one.public(), two.public()].concat(),
        [one.armored(), two.armored()].concat(),
        [b"pub ed25519\n\n".to_vec(), one.armored(), b"\nand\n".to_vec(), two.armored()].concat(),
    ];
    for text in texts {
        let keys = Keys::parse("keys", &text).unwrap();
        for signer in [&one, &two] {
            let signature = bytes(&signer.sign(LIST.as_bytes()));
            assert_eq!(check(&signature, &keys).unwrap(), signer.fingerprint());
        }
    }
    let signature = bytes(&one.sign(LIST.as_bytes()));
    for none in [&b""[..], b"no key", &signature, &one.public()[..20]] {
        let error = Keys::parse("keys", none).unwrap_err();
        assert!(matches!(error, ChecksumError::NotAKey { .. }), "{error:?}");
    }
}

#[test]
fn one_flipped_bit_in_list_or_signature_invalidates_it() {
    let signer = Signer::new();
    let keys = keys(&[&signer]);
    let signature = bytes(&signer.sign(LIST.as_bytes()));
    for bit in 0..LIST.len() * 8 {
        let mut list = LIST.as_bytes().to_vec();
        list[bit / 8] ^= 1 << (bit % 8);
        let checked = ChecksumList::parse_signed("SHA256SUMS", &list, Some(&signature), &keys);
        assert!(matches!(checked, Err(ChecksumError::Signature { .. })), "bit {bit}: {checked:?}");
    }
    // Some bits of a signature do not affect it: the framing, and the hint at the key.
    let mut accepted = 0;
    for bit in 0..signature.len() * 8 {
        let mut wrong = signature.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        accepted += usize::from(check(&wrong, &keys).is_ok());
    }
    assert!(accepted < 14 * 8, "{accepted} of {} bits do not matter", signature.len() * 8);

    let clear = signer.clear_sign(LIST);
    let digest = clear.find("ba7816bf").unwrap();
    for bit in 0..64 * 8 {
        let mut wrong = clear.clone().into_bytes();
        wrong[digest + bit / 8] ^= 1 << (bit % 8);
        assert!(ChecksumList::parse_signed("CHECKSUM", &wrong, None, &keys).is_err(), "bit {bit}");
    }
}

#[test]
fn text_outside_the_signed_part_does_not_count() {
    let signer = Signer::new();
    let keys = keys(&[&signer]);
    let clear = signer.clear_sign(LIST);
    let more = format!("{}  more.img\n", sha256(b"more"));
    let parse = |text: &str| ChecksumList::parse_signed("CHECKSUM", text.as_bytes(), None, &keys);
    for text in [format!("{more}{clear}"), format!("{clear}{more}"), format!("{clear}{clear}")] {
        assert!(parse(&text).is_err(), "{text}");
    }
    let inside = clear.replacen("\n\n", &format!("\n\n{more}"), 1);
    assert!(matches!(parse(&inside), Err(ChecksumError::Signature { .. })));
    let as_header = clear.replacen("Hash:", &format!("Comment: {more}Hash:"), 1);
    assert!(parse(&as_header).is_err());
    assert!(
        matches!(parse(LIST), Err(ChecksumError::Unsigned { .. })),
        "a list without a signature"
    );
    // A line that begins with a dash is escaped in a clear-signed list.
    let dashed = signer.clear_sign(&format!("{}  -noble.img\n", sha256(b"abc")));
    let expected = Expected::default().with_list(parse(&dashed).unwrap()).with_name("-noble.img");
    let pipe = imgpush_source::ReaderSource::new("pipe", &b"abc"[..]);
    assert!(expected.of(Box::new(pipe)).is_ok());
}

#[test]
fn an_unknown_signer_is_named() {
    let (known, unknown) = (Signer::new(), Signer::new());
    let signature = bytes(&unknown.sign(LIST.as_bytes()));
    let key = unknown.fingerprint();
    assert_eq!(refusals(check(&signature, &keys(&[&known]))), [Refusal::UnknownSigner { key }]);
}

#[test]
fn one_valid_signature_of_several_is_enough() {
    let (known, unknown) = (Signer::new(), Signer::new());
    let good = known.sign(LIST.as_bytes());
    let others = [unknown.sign(LIST.as_bytes()), known.sign(b"something else")];
    for other in &others {
        for all in [
            [bytes(&good), bytes(other)].concat(),
            [bytes(other), bytes(&good)].concat(),
            [armored(other), armored(&good)].concat(),
        ] {
            assert_eq!(check(&all, &keys(&[&known])).unwrap(), known.fingerprint());
        }
    }
    let bad = [bytes(&others[0]), bytes(&others[1])].concat();
    assert_eq!(refusals(check(&bad, &keys(&[&known]))).len(), 2);
}

#[test]
fn weak_and_expired_signatures_are_refused() {
    // A key that is allowed for every purpose.
    let signer = Signer::of(KeyType::Rsa(2048), true);
    let keys = keys(&[&signer]);
    let signed = |hash, parts| check(&bytes(&signer.sign_by(LIST.as_bytes(), hash, parts)), &keys);
    for (hash, name) in [(HashAlgorithm::Sha1, "SHA1"), (HashAlgorithm::Md5, "MD5")] {
        let refused = refusals(signed(hash, SubpacketConfig::Default));
        assert_eq!(refused, [Refusal::WeakHash { hash: name.to_owned() }]);
    }
    let ending = |seconds| SubpacketData::SignatureExpirationTime(Duration::from_secs(seconds));
    let sha256 = HashAlgorithm::Sha256;
    let over = signer.parts(ago(100), vec![ending(50)]);
    assert_eq!(refusals(signed(sha256, over)), [Refusal::Expired]);
    assert!(signed(sha256, signer.parts(ago(100), vec![ending(5000)])).is_ok());
    let tomorrow = Timestamp::from_secs(Timestamp::now().as_secs() + 86_400);
    assert_eq!(refusals(signed(sha256, signer.parts(tomorrow, Vec::new()))), [Refusal::Future]);
}

#[test]
fn expired_revoked_and_unsuitable_keys_are_refused() {
    let signer = Signer::new();
    let key = signer.fingerprint();
    let both = [signer.sign(LIST.as_bytes()), signer.sign_by_subkey(LIST.as_bytes())];
    for (certificate, refusal) in [
        (signer.clone().expiring(500), Refusal::KeyExpired { key: key.clone() }),
        (signer.clone().revoked(), Refusal::KeyRevoked { key: key.clone() }),
    ] {
        for signature in &both {
            let refused = refusals(check(&bytes(signature), &keys(&[&certificate])));
            assert_eq!(refused, std::slice::from_ref(&refusal));
        }
    }
    let alive = signer.clone().expiring(100_000);
    assert_eq!(check(&bytes(&both[0]), &keys(&[&alive])).unwrap(), key);

    // An older copy without the revocation does not make it valid.
    for copies in [[&signer, &signer.clone().revoked()], [&signer.clone().revoked(), &signer]] {
        let refused = refusals(check(&bytes(&both[0]), &keys(&copies)));
        assert!(matches!(refused[..], [Refusal::KeyRevoked { .. }]), "{refused:?}");
    }

    // Keys of old formats are still in use.
    let old = Signer::of(KeyType::Rsa(2048), true).aged();
    let checked = check(&bytes(&old.sign(LIST.as_bytes())), &keys(&[&old]));
    assert_eq!(checked.unwrap(), old.fingerprint());

    // Only of the subkey: the primary key stays valid.
    let key = signer.subkey_fingerprint();
    for (certificate, refusal) in [
        (signer.clone().with_subkey_expiring(500), Refusal::KeyExpired { key: key.clone() }),
        (signer.clone().with_subkey_revoked(), Refusal::KeyRevoked { key: key.clone() }),
        (signer.clone().with_subkey_not_cross_certified(), Refusal::KeyUnfit { key: key.clone() }),
    ] {
        let keys = keys(&[&certificate]);
        assert!(check(&bytes(&both[0]), &keys).is_ok());
        assert_eq!(refusals(check(&bytes(&both[1]), &keys)), [refusal]);
    }
    let later = signer.clone().with_subkey_expiring(100_000);
    assert!(check(&bytes(&both[1]), &keys(&[&later])).is_ok());

    // A key that may only certify.
    let certifier = Signer::of(KeyType::Ed25519Legacy, false);
    let by_itself = check(&bytes(&certifier.sign(LIST.as_bytes())), &keys(&[&certifier]));
    assert_eq!(refusals(by_itself), [Refusal::KeyUnfit { key: certifier.fingerprint() }]);
    let by_subkey = check(&bytes(&certifier.sign_by_subkey(LIST.as_bytes())), &keys(&[&certifier]));
    assert!(by_subkey.is_ok());

    // A subkey that another key claims as its own.
    let mut thief = Signer::new();
    thief.0.secret_subkeys.clone_from(&signer.0.secret_subkeys);
    let refused = refusals(check(&bytes(&both[1]), &keys(&[&thief])));
    assert_eq!(refused, [Refusal::KeyUnfit { key }]);
}

#[test]
fn malformed_signatures_are_refused() {
    let signer = Signer::new();
    let keys = keys(&[&signer]);
    for text in [&b""[..], b"<html>404</html>", &signer.public(), LIST.as_bytes()] {
        let error = check(text, &keys).unwrap_err();
        assert!(matches!(error, ChecksumError::NotASignature { .. }), "{error:?}");
    }
    let signature = bytes(&signer.sign(LIST.as_bytes()));
    for cut in 1..signature.len() {
        assert!(check(&signature[..cut], &keys).is_err(), "cut at {cut}");
    }
}
