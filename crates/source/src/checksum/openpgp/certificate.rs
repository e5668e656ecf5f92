//! One key of somebody, with its subkeys, and what its owner says of them.

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
    /// Whether one of its keys has made the signature for this text: its fingerprint, or what is wrong.
    /// None when the signature says that it is by another.
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
        let may_sign = if may_be_by_primary && signature.verify(primary, text).is_ok() {
            self.may_sign(now)
        } else if let Some(subkey) = subkeys.find(|key| signature.verify(&key.key, text).is_ok()) {
            self.lets_sign(subkey, now)
        } else {
            Err(Refusal::Wrong { key })
        };
        Some(may_sign.map(|()| shown(&primary.fingerprint())))
    }

    /// Whether the certificate as a whole is in force.
    fn is_alive(&self, now: Timestamp) -> Result<(), Refusal> {
        let primary = &self.0.primary_key;
        let key = || shown(&primary.fingerprint());
        let mut revocations = self.0.details.revocation_signatures.iter();
        if revocations.any(|revocation| revocation.verify_key(primary).is_ok()) {
            return Err(Refusal::KeyRevoked { key: key() });
        }
        if self.says(now).is_empty() {
            return Err(Refusal::KeyUnfit { key: key() });
        }
        if self.says(now).iter().any(|said| has_expired(primary, said, now)) {
            return Err(Refusal::KeyExpired { key: key() });
        }
        is_strong(primary)
    }

    /// Whether the primary key may sign data. Old keys do not say what they are for.
    fn may_sign(&self, now: Timestamp) -> Result<(), Refusal> {
        self.is_alive(now)?;
        let says = self.says(now);
        let mut flags = says.iter().filter(|said| has_flags(said)).peekable();
        if flags.peek().is_none() || flags.any(|said| said.key_flags().sign()) {
            return Ok(());
        }
        Err(Refusal::KeyUnfit { key: shown(&self.0.primary_key.fingerprint()) })
    }

    /// Whether the owner says that the subkey is for signing data, and the subkey says so too.
    fn lets_sign(&self, subkey: &SignedPublicSubKey, now: Timestamp) -> Result<(), Refusal> {
        self.is_alive(now)?;
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

    /// The last word of the owner on the key itself, and on its names.
    fn says(&self, now: Timestamp) -> Vec<&Signature> {
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

/// A modulus of 2048 bits takes as many bytes alone.
const LEAST_RSA_BYTES: usize = 2048 / 8;

/// Whether a time that begins then, and is without end when it is zero, is over.
pub(super) fn is_over(start: Timestamp, time: pgp::types::Duration, now: Timestamp) -> bool {
    time.as_secs() > 0 && start.as_secs().saturating_add(time.as_secs()) <= now.as_secs()
}

/// A fingerprint, or a short one, as other programs show it.
pub(super) fn shown(key: &impl ToString) -> String {
    key.to_string().to_uppercase()
}

/// Whether a signature is by that key as far as it says.
fn may_be_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let (fingerprints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    let is_named =
        fingerprints.contains(&&key.fingerprint()) || ids.contains(&&key.legacy_key_id());
    is_named || (fingerprints.is_empty() && ids.is_empty())
}

/// The newest of what the owner says, and that is in force.
fn newest<'a>(
    signatures: impl Iterator<Item = &'a Signature>,
    now: Timestamp,
) -> Option<&'a Signature> {
    signatures.filter(|said| is_sound(said, now)).max_by_key(|said| said.created())
}

/// SHA-1 is borne here, with its collisions found out: it is the owner who chose what was signed, long ago
/// at times, and who was given as the owner.
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
        PublicParams::RSA(numbers) => numbers.write_len() > LEAST_RSA_BYTES,
        PublicParams::DSA(_) | PublicParams::Elgamal(_) => false,
        _ => true,
    };
    let key = || shown(&key.fingerprint());
    if is_current && is_long { Ok(()) } else { Err(Refusal::KeyWeak { key: key() }) }
}
