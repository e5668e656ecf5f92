//! Test keys, made with the crate that also verifies; `gnupg.rs` uses keys of another program.

use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, DetachedSignature, KeyType, SecretKeyParamsBuilder,
    SignedPublicKey, SignedSecretKey, SubkeyParamsBuilder, SubpacketConfig,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{Duration, KeyDetails as _, Password, SigningKey, Tag, Timestamp};
use rand::thread_rng;

/// The age of the keys.
const AGE_SECONDS: u32 = 1000;

/// A signing key with a signing subkey.
#[derive(Clone)]
pub(crate) struct Signer(pub(crate) SignedSecretKey);

pub(crate) fn ago(seconds: u32) -> Timestamp {
    Timestamp::from_secs(Timestamp::now().as_secs() - seconds)
}

fn regular(data: SubpacketData) -> Subpacket {
    Subpacket::regular(data).unwrap()
}

impl Signer {
    pub(crate) fn new() -> Self {
        Signer::of(KeyType::Ed25519Legacy, true)
    }

    pub(crate) fn of(kind: KeyType, can_sign: bool) -> Self {
        let subkey = SubkeyParamsBuilder::default()
            .key_type(KeyType::Ed25519Legacy)
            .can_sign(true)
            .created_at(ago(AGE_SECONDS))
            .build()
            .unwrap();
        let key = SecretKeyParamsBuilder::default()
            .key_type(kind)
            .can_certify(true)
            .can_sign(can_sign)
            .created_at(ago(AGE_SECONDS))
            .primary_user_id("Images <images@example.org>".to_owned())
            .subkey(subkey)
            .build()
            .unwrap();
        Signer(key.generate(thread_rng()).unwrap())
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.0.fingerprint().to_string().to_uppercase()
    }

    pub(crate) fn subkey_fingerprint(&self) -> String {
        self.0.secret_subkeys[0].key.fingerprint().to_string().to_uppercase()
    }

    /// The public part.
    pub(crate) fn public(&self) -> Vec<u8> {
        SignedPublicKey::from(self.0.clone()).to_bytes().unwrap()
    }

    pub(crate) fn armored(&self) -> Vec<u8> {
        let key = SignedPublicKey::from(self.0.clone());
        key.to_armored_bytes(ArmorOptions::default()).unwrap()
    }

    /// A detached signature of the text.
    pub(crate) fn sign(&self, text: &[u8]) -> DetachedSignature {
        self.sign_by(text, HashAlgorithm::Sha512, SubpacketConfig::Default)
    }

    pub(crate) fn sign_by(
        &self,
        text: &[u8],
        hash: HashAlgorithm,
        parts: SubpacketConfig,
    ) -> DetachedSignature {
        sign(&self.0.primary_key, text, hash, parts)
    }

    /// A detached signature by the subkey.
    pub(crate) fn sign_by_subkey(&self, text: &[u8]) -> DetachedSignature {
        let key = &self.0.secret_subkeys[0].key;
        sign(key, text, HashAlgorithm::Sha256, SubpacketConfig::Default)
    }

    /// A signature configuration with these subpackets and this creation time.
    pub(crate) fn parts(&self, created: Timestamp, more: Vec<SubpacketData>) -> SubpacketConfig {
        let own = [
            SubpacketData::SignatureCreationTime(created),
            SubpacketData::IssuerFingerprint(self.0.fingerprint()),
        ];
        let hashed = own.into_iter().chain(more).map(regular).collect();
        SubpacketConfig::UserDefined { hashed, unhashed: Vec::new() }
    }

    /// A clear-signed message.
    pub(crate) fn clear_sign(&self, text: &str) -> String {
        let message = CleartextSignedMessage::sign(
            thread_rng(),
            text,
            &self.0.primary_key,
            &Password::empty(),
        );
        message.unwrap().to_armored_string(ArmorOptions::default()).unwrap()
    }

    /// Lets the key expire this number of seconds after its creation.
    pub(crate) fn expiring(mut self, seconds: u32) -> Self {
        let end = SubpacketData::KeyExpirationTime(Duration::from_secs(seconds));
        let said = self.certify(SignatureType::Key, vec![end]);
        self.0.details.direct_signatures.push(said);
        self
    }

    pub(crate) fn revoked(mut self) -> Self {
        let said = self.certify(SignatureType::KeyRevocation, Vec::new());
        self.0.details.revocation_signatures.push(said);
        self
    }

    /// Changes the key to an old format: self-signatures with SHA-1 and without key flags.
    pub(crate) fn aged(mut self) -> Self {
        let key = &self.0.primary_key;
        let mut config = self.config(SignatureType::CertPositive, Vec::new());
        config.hash_alg = HashAlgorithm::Sha1;
        let name = self.0.details.users[0].id.clone();
        let password = Password::empty();
        let said = config.sign_certification(key, key.public_key(), &password, Tag::UserId, &name);
        self.0.details.users[0].signatures = vec![said.unwrap()];
        self
    }

    /// Lets the subkey expire this number of seconds after its creation.
    pub(crate) fn with_subkey_expiring(mut self, seconds: u32) -> Self {
        let old = self.0.secret_subkeys[0].signatures[0].clone();
        let back = old.embedded_signature().unwrap().clone();
        let mut flags = KeyFlags::default();
        flags.set_sign(true);
        let parts = vec![
            SubpacketData::KeyFlags(flags),
            SubpacketData::KeyExpirationTime(Duration::from_secs(seconds)),
            SubpacketData::EmbeddedSignature(Box::new(back)),
        ];
        let said = self.certify_subkey(SignatureType::SubkeyBinding, parts);
        self.0.secret_subkeys[0].signatures = vec![said];
        self
    }

    /// Removes the subkey's own signature (the cross-certification) from its binding.
    pub(crate) fn with_subkey_not_cross_certified(mut self) -> Self {
        let mut flags = KeyFlags::default();
        flags.set_sign(true);
        let said =
            self.certify_subkey(SignatureType::SubkeyBinding, vec![SubpacketData::KeyFlags(flags)]);
        self.0.secret_subkeys[0].signatures = vec![said];
        self
    }

    pub(crate) fn with_subkey_revoked(mut self) -> Self {
        let said = self.certify_subkey(SignatureType::SubkeyRevocation, Vec::new());
        self.0.secret_subkeys[0].signatures.push(said);
        self
    }

    fn config(&self, typ: SignatureType, parts: Vec<SubpacketData>) -> SignatureConfig {
        let mut config = SignatureConfig::from_key(thread_rng(), &self.0.primary_key, typ).unwrap();
        let SubpacketConfig::UserDefined { hashed, .. } = self.parts(ago(10), parts) else {
            unreachable!("made above")
        };
        config.hashed_subpackets = hashed;
        config
    }

    fn certify(&self, typ: SignatureType, parts: Vec<SubpacketData>) -> Signature {
        let key = &self.0.primary_key;
        self.config(typ, parts).sign_key(key, &Password::empty(), key.public_key()).unwrap()
    }

    fn certify_subkey(&self, typ: SignatureType, parts: Vec<SubpacketData>) -> Signature {
        let (key, subkey) = (&self.0.primary_key, self.0.secret_subkeys[0].key.public_key());
        let config = self.config(typ, parts);
        config.sign_subkey_binding(key, key.public_key(), &Password::empty(), subkey).unwrap()
    }
}

fn sign(
    key: &impl SigningKey,
    text: &[u8],
    hash: HashAlgorithm,
    parts: SubpacketConfig,
) -> DetachedSignature {
    let password = Password::empty();
    DetachedSignature::sign_binary_data_with_subpackets(
        thread_rng(),
        key,
        &password,
        hash,
        text,
        parts,
    )
    .unwrap()
}

/// The signature as a file beside a list.
pub(crate) fn bytes(signature: &DetachedSignature) -> Vec<u8> {
    signature.to_bytes().unwrap()
}

pub(crate) fn armored(signature: &DetachedSignature) -> Vec<u8> {
    signature.to_armored_bytes(ArmorOptions::default()).unwrap()
}
