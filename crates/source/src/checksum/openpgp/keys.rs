//! Trusted keys, and signatures by them.

use std::path::Path;

use pgp::composed::{CleartextSignedMessage, Deserializable, DetachedSignature, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SignatureVersion};
use pgp::types::Timestamp;

use super::certificate::{Certificate, is_over, shown};
use crate::checksum::document::Document;
use crate::error::{ChecksumError, Refusal};
use crate::http::HttpOptions;
use crate::open::is_address;

/// Trusted OpenPGP keys (RFC 9580).
///
/// A signature is valid if one of these keys made it for exactly this text with a hash algorithm that is not
/// broken, and if neither signature nor key is expired, revoked or for another purpose. One valid signature of
/// several is enough. The caller decides which keys to trust: certifications by third parties are not
/// checked.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Certificate>);

impl Keys {
    /// Reads the keys in a file, armored or not. Addresses are not accepted.
    ///
    /// # Errors
    ///
    /// [`ChecksumError::Unreadable`], [`ChecksumError::TooLarge`] or [`ChecksumError::NotAKey`].
    pub async fn read(path: &Path) -> Result<Self, ChecksumError> {
        // An attacker who can replace a key in transit can sign any list.
        let is_address = is_address(path);
        let path = if is_address { &Path::new(".").join(path) } else { path };
        let document = Document::read(path, "key", &HttpOptions::default()).await?;
        Keys::parse(&document.name, &document.text)
    }

    /// Parses the keys in a text, armored or not; `name` is for messages.
    ///
    /// # Errors
    ///
    /// [`ChecksumError::NotAKey`].
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, ChecksumError> {
        let not_a_key = |source: Option<pgp::errors::Error>| ChecksumError::NotAKey {
            name: name.to_owned(),
            source: source.map(Into::into),
        };
        let keys = parse::<SignedPublicKey>(text).map_err(|error| not_a_key(Some(error)))?;
        if keys.is_empty() {
            Err(not_a_key(None))
        } else {
            Ok(Keys(keys.into_iter().map(Certificate).collect()))
        }
    }

    /// These keys and others.
    #[must_use]
    pub fn and(mut self, others: Keys) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fingerprint of the key that made a detached signature of the text.
    pub(in crate::checksum) fn check_detached(
        &self,
        text: &Document,
        signature: &Document,
    ) -> Result<String, ChecksumError> {
        let not_a_signature = |source: Option<pgp::errors::Error>| ChecksumError::NotASignature {
            name: signature.name.clone(),
            source: source.map(Into::into),
        };
        let signatures = parse::<DetachedSignature>(&signature.text)
            .map_err(|error| not_a_signature(Some(error)))?;
        if signatures.is_empty() {
            return Err(not_a_signature(None));
        }
        let signatures: Vec<_> =
            signatures.into_iter().map(|detached| detached.signature).collect();
        self.check(&signatures, &text.text, &text.name)
    }

    /// The signed part of a clear-signed text, and the fingerprint of the key that signed it.
    pub(in crate::checksum) fn check_clear_signed(
        &self,
        text: &Document,
    ) -> Result<(Vec<u8>, String), ChecksumError> {
        let list = || text.name.clone();
        if !text.text.starts_with(SIGNED_MESSAGE) {
            return Err(ChecksumError::Unsigned { list: list() });
        }
        let not_a_signature = |source: Option<pgp::errors::Error>| ChecksumError::NotASignature {
            name: list(),
            source: source.map(Into::into),
        };
        let plain = std::str::from_utf8(&text.text).map_err(|_| not_a_signature(None))?;
        let (message, _) = CleartextSignedMessage::from_string(plain)
            .map_err(|error| not_a_signature(Some(error)))?;
        let signed = message.signed_text().into_bytes();
        let signer = self.check(message.signatures(), &signed, &text.name)?;
        Ok((signed, signer))
    }

    fn check(
        &self,
        signatures: &[Signature],
        text: &[u8],
        list: &str,
    ) -> Result<String, ChecksumError> {
        let now = Timestamp::now();
        let mut refusals = Vec::new();
        for signature in signatures {
            match self.signer(signature, text, now) {
                Ok(signer) => return Ok(signer),
                Err(refused) => refusals.extend(refused),
            }
        }
        Err(ChecksumError::Signature { list: list.to_owned(), refusals })
    }

    /// The fingerprint of the certificate that made the signature.
    fn signer(
        &self,
        signature: &Signature,
        text: &[u8],
        now: Timestamp,
    ) -> Result<String, Vec<Refusal>> {
        check_signature(signature, now).map_err(|refusal| vec![refusal])?;
        let mut signer = None;
        let mut refusals = Vec::new();
        for certificate in &self.0 {
            match certificate.check(signature, text, now) {
                Some(Ok(good)) => signer = Some(good),
                Some(Err(refusal)) => refusals.push(refusal),
                None => {}
            }
        }
        // Another copy of a key may be older than its revocation.
        let is_revoked = |refusal: &Refusal| matches!(refusal, Refusal::KeyRevoked { .. });
        match signer {
            Some(signer) if !refusals.iter().any(is_revoked) => Ok(signer),
            None if refusals.is_empty() => {
                Err(vec![Refusal::UnknownSigner { key: issuer(signature) }])
            }
            _ => Err(refusals),
        }
    }
}

const SIGNED_MESSAGE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const ARMOR: &[u8] = b"-----BEGIN PGP ";
/// The tolerated difference of two clocks, in seconds.
const SKEW_SECONDS: u32 = 30 * 60;

/// Checks what a signature states about itself.
fn check_signature(signature: &Signature, now: Timestamp) -> Result<(), Refusal> {
    let (Some(config), Some(created)) = (signature.config(), signature.created()) else {
        return Err(Refusal::Kind);
    };
    let is_of_data = matches!(config.typ, SignatureType::Binary | SignatureType::Text);
    if !is_of_data || !matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6) {
        return Err(Refusal::Kind);
    }
    if !is_strong(config.hash_alg) {
        return Err(Refusal::WeakHash { hash: config.hash_alg.to_string() });
    }
    if created.as_secs() > now.as_secs().saturating_add(SKEW_SECONDS) {
        return Err(Refusal::Future);
    }
    if signature.signature_expiration_time().is_some_and(|time| is_over(created, time, now)) {
        return Err(Refusal::Expired);
    }
    Ok(())
}

fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::Sha224
            | HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512
    )
}

/// The key that a signature names.
fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(shown);
    let id = || signature.issuer_key_id().first().map(shown);
    fingerprint.or_else(id).unwrap_or_else(|| "that it does not name".to_owned())
}

/// All objects of a type in a text, which may be several armored blocks in a row.
fn parse<T: Deserializable>(text: &[u8]) -> Result<Vec<T>, pgp::errors::Error> {
    if text.first().is_none_or(|byte| byte & 0x80 != 0) {
        return T::from_bytes_many(text)?.collect();
    }
    let starts = text.windows(ARMOR.len()).enumerate().filter(|(_, window)| *window == ARMOR);
    let starts: Vec<_> = starts.map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let mut all = Vec::new();
    for block in starts.iter().zip(ends).filter_map(|(start, end)| text.get(*start..end)) {
        let (block, _) = T::from_armor_many_buf(block)?;
        all.extend(block.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}
