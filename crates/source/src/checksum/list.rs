//! Lists of checksums, read and looked up.

use std::path::Path;

use imgpush_digest::{Algorithm, Digest};

use super::document::Document;
use super::notation::Sums;
#[cfg(feature = "openpgp")]
use super::openpgp::Keys;
use crate::error::ChecksumError;
use crate::http::HttpOptions;
#[cfg(feature = "openpgp")]
use crate::open::shown;

/// A list of checksums, as mirrors publish beside their images.
///
/// It is in a form that [`Sums`] reads, or one digest without a name. In a clear-signed list only the signed
/// text counts, whether or not the signature was checked.
#[derive(Clone, Debug)]
pub struct ChecksumList {
    name: String,
    sums: Sums,
    lone_digest: Option<Digest>,
    signer: Option<String>,
}

impl ChecksumList {
    /// Parses a list without checking a signature. `name` is for messages, and may name the algorithm.
    ///
    /// # Errors
    ///
    /// [`ChecksumError::NotAList`].
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, ChecksumError> {
        let (file_name, text) = (Some(name.to_owned()), text.to_owned());
        ChecksumList::of(Document { name: name.to_owned(), file_name, text }, None)
    }

    /// Parses a list that one of the keys signed: by a detached signature, or clear-signed.
    ///
    /// # Errors
    ///
    /// [`ChecksumError::Unsigned`], [`ChecksumError::NotASignature`], [`ChecksumError::Signature`], and as
    /// [`parse`](ChecksumList::parse).
    #[cfg(feature = "openpgp")]
    pub fn parse_signed(
        name: &str,
        text: &[u8],
        signature: Option<&[u8]>,
        keys: &Keys,
    ) -> Result<Self, ChecksumError> {
        let (name, text) = (name.to_owned(), text.to_owned());
        let document = Document { file_name: Some(name.clone()), name, text };
        let signature = signature.map(|text| {
            let name = format!("the signature of {}", document.name);
            Document { name, file_name: None, text: text.to_owned() }
        });
        ChecksumList::signed(document, signature.as_ref(), keys)
    }

    /// Reads a list from a file or an address.
    ///
    /// # Errors
    ///
    /// [`ChecksumError::Unreadable`], [`ChecksumError::TooLarge`], and as [`parse`](ChecksumList::parse).
    pub async fn read(place: &Path, http: &HttpOptions) -> Result<Self, ChecksumError> {
        let document = Document::read(place, "list of checksums", http).await?;
        ChecksumList::of(document, None)
    }

    /// Reads a signed list, and its detached signature if it has one.
    ///
    /// # Errors
    ///
    /// [`ChecksumError::NoKey`], and as [`read`](ChecksumList::read) and [`parse_signed`](ChecksumList::parse_signed).
    #[cfg(feature = "openpgp")]
    pub async fn read_signed(
        place: &Path,
        signature: Option<&Path>,
        keys: &Keys,
        http: &HttpOptions,
    ) -> Result<Self, ChecksumError> {
        if let Some(place) = signature
            && keys.is_empty()
        {
            return Err(ChecksumError::NoKey { name: shown(place).to_string_lossy().into_owned() });
        }
        let document = Document::read(place, "list of checksums", http).await?;
        let signature = match signature {
            Some(place) => Some(Document::read(place, "signature", http).await?),
            None => None,
        };
        ChecksumList::signed(document, signature.as_ref(), keys)
    }

    /// The name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fingerprint of the key that signed it; none when no signature was checked.
    #[must_use]
    pub fn signed_by(&self) -> Option<&str> {
        self.signer.as_deref()
    }

    /// Whether it is clear-signed and its signature was not checked.
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        self.sums.signed && self.signer.is_none()
    }

    /// The digest of a list that consists of one digest.
    pub(super) fn lone_digest(&self) -> Option<Digest> {
        self.lone_digest
    }

    /// The digests of the entries with this name, in any folder. A name with folders matches entries that
    /// end with it.
    pub(super) fn digests_of(&self, name: &str) -> impl Iterator<Item = Digest> {
        let wanted = components(name.as_bytes());
        let entries = self.sums.entries.iter();
        let matches = move |name| !wanted.is_empty() && components(name).ends_with(&wanted);
        entries.filter(move |entry| matches(&entry.name)).map(|entry| entry.digest)
    }

    /// The error for names that are not in the list.
    pub(super) fn no_entry(&self, names: Vec<String>) -> ChecksumError {
        let has = self.sums.entries.iter().take(NAMES_SHOWN);
        ChecksumError::NoEntry {
            list: self.name.clone(),
            names,
            has: has.map(|entry| String::from_utf8_lossy(&entry.name).into_owned()).collect(),
            entries: self.sums.entries.len(),
        }
    }

    /// Parses a document; `signer` is the fingerprint of the key that signed it.
    fn of(document: Document, signer: Option<String>) -> Result<Self, ChecksumError> {
        let named = document.file_name.as_deref().and_then(Sums::algorithm_of);
        let untagged: Vec<_> = named.into_iter().chain(Algorithm::USUAL).collect();
        let sums = Sums::parse(&document.text, &untagged);
        // A name may consist of blanks.
        let lone_digest = match sums.entries.is_empty() {
            true => Sums::lone_digest(&document.text, &untagged),
            false => None,
        };
        if sums.entries.is_empty() && lone_digest.is_none() {
            return Err(ChecksumError::NotAList { list: document.name });
        }
        Ok(ChecksumList { name: document.name, sums, lone_digest, signer })
    }

    #[cfg(feature = "openpgp")]
    fn signed(
        document: Document,
        signature: Option<&Document>,
        keys: &Keys,
    ) -> Result<Self, ChecksumError> {
        match signature {
            Some(signature) => {
                let signer = keys.check_detached(&document, signature)?;
                ChecksumList::of(document, Some(signer))
            }
            None => {
                let (text, signer) = keys.check_clear_signed(&document)?;
                ChecksumList::of(Document { text, ..document }, Some(signer))
            }
        }
    }
}

/// Number of names that an error message shows of the list.
const NAMES_SHOWN: usize = 4;

/// The components of a path, without empty ones and `.`.
fn components(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b".")).collect()
}
