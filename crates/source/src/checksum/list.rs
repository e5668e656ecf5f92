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

/// A list of checksums, as mirrors have beside their images.
///
/// All that [`Sums`] reads, and a file that is nothing but one digest. Of a clear-signed list only what
/// is inside the signature counts, whether or not it was checked.
#[derive(Clone, Debug)]
pub struct ChecksumList {
    name: String,
    sums: Sums,
    lone_digest: Option<Digest>,
    signer: Option<String>,
}

impl ChecksumList {
    /// Takes a list as it is; `name` is what messages call it, and may tell its algorithm.
    ///
    /// # Errors
    ///
    /// [`ChecksumError::NotAList`].
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, ChecksumError> {
        let (file_name, text) = (Some(name.to_owned()), text.to_owned());
        ChecksumList::of(Document { name: name.to_owned(), file_name, text }, None)
    }

    /// Takes a list that one of the keys has signed: by a signature beside it, or clear-signed.
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

    /// Reads a list, and the signature beside it where there is one.
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

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fingerprint of the key that it is signed by; none when that was not checked.
    #[must_use]
    pub fn signed_by(&self) -> Option<&str> {
        self.signer.as_deref()
    }

    /// Whether it has a signature in it that nobody has checked.
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        self.sums.signed && self.signer.is_none()
    }

    /// The digest of a list that is nothing else.
    pub(super) fn lone_digest(&self) -> Option<Digest> {
        self.lone_digest
    }

    /// The digests of what it calls so, in any folder. A name with folders has to end the name in the
    /// list.
    pub(super) fn digests_of(&self, name: &str) -> impl Iterator<Item = Digest> {
        let wanted = words(name.as_bytes());
        let entries = self.sums.entries.iter();
        let is_meant = move |name| !wanted.is_empty() && words(name).ends_with(&wanted);
        entries.filter(move |entry| is_meant(&entry.name)).map(|entry| entry.digest)
    }

    /// Says what it has instead of these names.
    pub(super) fn no_entry(&self, names: Vec<String>) -> ChecksumError {
        let has = self.sums.entries.iter().take(NAMES_SHOWN);
        ChecksumError::NoEntry {
            list: self.name.clone(),
            names,
            has: has.map(|entry| String::from_utf8_lossy(&entry.name).into_owned()).collect(),
            entries: self.sums.entries.len(),
        }
    }

    /// The list that a document is, with the fingerprint of the key that signed it.
    fn of(document: Document, signer: Option<String>) -> Result<Self, ChecksumError> {
        let named = document.file_name.as_deref().and_then(Sums::algorithm_of);
        let untagged: Vec<_> = named.into_iter().chain(Algorithm::USUAL).collect();
        let sums = Sums::parse(&document.text, &untagged);
        // A name may be nothing but blanks.
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
                let signer = keys.check_beside(&document, signature)?;
                ChecksumList::of(document, Some(signer))
            }
            None => {
                let (text, signer) = keys.check_around(&document)?;
                ChecksumList::of(Document { text, ..document }, Some(signer))
            }
        }
    }
}

/// Names of a list that are enough to see what kind of list it is.
const NAMES_SHOWN: usize = 4;

/// The words of a path, without those that lead nowhere.
fn words(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|word| !matches!(*word, b"" | b".")).collect()
}
