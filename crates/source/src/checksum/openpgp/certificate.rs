//! One public key with its subkeys, and the statements of its owner about them.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, KeyVersion, PublicParams, Tag, Timestamp};

use crate::error::Refusal;

/// A certificate (RFC 9580, section 10.1).
#[derive(Clone, Debug)]
pub(super) struct Certificate(pub(super) SignedPublicKey);

impl Certificate {
    /// Checks whether one of its keys made the signature of this text, and returns its fingerprint or the
    /// reason for refusing it. None when the signature names another key.
    pub(super) fn check(
        &self,
        signature: &Signature,
        text: &[u8],
        now: Timestamp,
    ) -> Option<Result<String, Refusal>> {
        let primary = &self.0.primary_key;
        let subkeys = self.0.public_subkeys.iter();
        let mut subkeys = subkeys.filter(|subkey| may_be_by(signature, &subkey.key)).peekable();
        let may_be_by_primary = may_be_by(signature, primary);
        let key = match subkeys.peek() {
            Some(subkey) if !may_be_by_primary => shown(&subkey.key.fingerprint()),
            None if !may_be_by_primary => return None,
            _ => shown(&primary.fingerprint()),
        };
        let result = if may_be_by_primary && signature.verify(primary, text).is_ok() {
            self.check_primary(now)
        } else if let Some(subkey) = subkeys.find(|key| signature.verify(&key.key, text).is_ok()) {
            self.check_subkey(subkey, now)
        } else {
            Err(Refusal::Wrong { key })
        };
        Some(result.map(|()| shown(&primary.fingerprint())))
    }

    /// Checks that the certificate itself is valid.
    fn check_validity(&self, now: Timestamp) -> Result<(), Refusal> {
        let primary = &self.0.primary_key;
        let key = || shown(&primary.fingerprint());
        let mut revocations = self.0.details.revocation_signatures.iter();
        if revocations.any(|revocation| revocation.verify_key(primary).is_ok()) {
            return Err(Refusal::KeyRevoked { key: key() });
        }
        if self.statements(now).is_empty() {
            return Err(Refusal::KeyUnfit { key: key() });
        }
        if self.statements(now).iter().any(|said| has_expired(primary, said, now)) {
            return Err(Refusal::KeyExpired { key: key() });
        }
        is_strong(primary)
    }

    /// Checks that the primary key may sign data. Old keys do not state their purpose.
    fn check_primary(&self, now: Timestamp) -> Result<(), Refusal> {
        self.check_validity(now)?;
        let statements = self.statements(now);
        let mut flags = statements.iter().filter(|said| has_flags(said)).peekable();
        if flags.peek().is_none() || flags.any(|said| said.key_flags().sign()) {
            return Ok(());
        }
        Err(Refusal::KeyUnfit { key: shown(&self.0.primary_key.fingerprint()) })
    }

    /// Checks that the subkey is for signing data, by statements of the owner and of the subkey.
    fn check_subkey(&self, subkey: &SignedPublicSubKey, now: Timestamp) -> Result<(), Refusal> {
        self.check_validity(now)?;
        let primary = &self.0.primary_key;
        let key = || shown(&subkey.key.fingerprint());
        let of_kind = |kind| {
            let signatures = subkey.signatures.iter().filter(move |said| said.typ() == Some(kind));
            signatures.filter(|said| said.verify_subkey_binding(primary, &subkey.key).is_ok())
        };
        if of_kind(SignatureType::SubkeyRevocation).next().is_some() {
            return Err(Refusal::KeyRevoked { key: key() });
        }
        let binding = newest(of_kind(SignatureType::SubkeyBinding), now);
        let binding = binding.ok_or_else(|| Refusal::KeyUnfit { key: key() })?;
        if has_expired(&subkey.key, binding, now) {
            return Err(Refusal::KeyExpired { key: key() });
        }
        let agrees = binding.embedded_signature().is_some_and(|back| {
            is_sound(back, now) && back.verify_primary_key_binding(&subkey.key, primary).is_ok()
        });
        if !binding.key_flags().sign() || !agrees {
            return Err(Refusal::KeyUnfit { key: key() });
        }
        is_strong(&subkey.key)
    }

    /// The latest statements of the owner about the key and about its user ids.
    fn statements(&self, now: Timestamp) -> Vec<&Signature> {
        let primary = &self.0.primary_key;
        let direct = self.0.details.direct_signatures.iter().filter(|said| {
            said.typ() == Some(SignatureType::Key) && said.verify_key(primary).is_ok()
        });
        let of_names = self.0.details.users.iter().filter_map(|user| {
            let own = user
                .signatures
                .iter()
                .filter(|said| said.verify_certification(primary, Tag::UserId, &user.id).is_ok());
            newest(own, now).filter(|said| said.typ() != Some(SignatureType::CertRevocation))
        });
        newest(direct, now).into_iter().chain(newest(of_names, now)).collect()
    }
}

/// The bytes of a modulus of 2048 bits.
const MIN_RSA_BYTES: usize = 2048 / 8;

/// Whether a period from `start` has ended; a period of zero has no end.
pub(super) fn is_over(start: Timestamp, time: pgp::types::Duration, now: Timestamp) -> bool {
    time.as_secs() > 0 && start.as_secs().saturating_add(time.as_secs()) <= now.as_secs()
}

/// A fingerprint or key id, as other programs show it.
pub(super) fn shown(key: &impl ToString) -> String {
    key.to_string().to_uppercase()
}

/// Whether the signature names this key, or no key.
fn may_be_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (fingerprints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    let is_named =
        fingerprints.contains(&&key.fingerprint()) || ids.contains(&&key.legacy_key_id());
    is_named || (fingerprints.is_empty() && ids.is_empty())
}

/// The newest valid statement.
fn newest<'a>(
    signatures: impl Iterator<Item = &'a Signature>,
    now: Timestamp,
) -> Option<&'a Signature> {
    signatures.filter(|said| is_sound(said, now)).max_by_key(|said| said.created())
}

/// SHA-1 is accepted here, with collisions detected: the trusted owner chose the signed statement, often
/// long ago.
fn is_sound(signature: &Signature, now: Timestamp) -> bool {
    let forgeable = [HashAlgorithm::Md5, HashAlgorithm::Ripemd160];
    signature.hash_alg().is_some_and(|hash| !forgeable.contains(&hash))
        && signature.created().is_some_and(|created| {
            let expires = signature.signature_expiration_time();
            created <= now && !expires.is_some_and(|time| is_over(created, time, now))
        })
}

fn has_expired(key: &impl KeyDetails, said: &Signature, now: Timestamp) -> bool {
    said.key_expiration_time().is_some_and(|time| is_over(key.created_at(), time, now))
}

fn has_flags(said: &Signature) -> bool {
    let mut parts = said.config().into_iter().flat_map(SignatureConfig::hashed_subpackets);
    parts.any(|part| matches!(part.data, SubpacketData::KeyFlags(_)))
}

fn is_strong(key: &impl KeyDetails) -> Result<(), Refusal> {
    let is_current = matches!(key.version(), KeyVersion::V4 | KeyVersion::V6);
    let is_long = match key.public_params() {
        PublicParams::RSA(numbers) => numbers.write_len() > MIN_RSA_BYTES,
        PublicParams::DSA(_) | PublicParams::Elgamal(_) => false,
        _ => true,
    };
    let key = || shown(&key.fingerprint());
    if is_current && is_long { Ok(()) } else { Err(Refusal::KeyWeak { key: key() }) }
}
