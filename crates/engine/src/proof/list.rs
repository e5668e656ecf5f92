//! Lists of checksums, read and looked up.

use std::path::Path;

use imgpush_digest::{Algorithm, Digest, Digests, Sums};

use super::{Keys, ProofError};
use crate::SourceError;
use crate::pool::Pool;
use crate::runtime::off_runtime;
use crate::source::{HttpOptions, SourceOptions, open_blocking, shown};

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
    /// [`ProofError::NotAList`].
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, ProofError> {
        Letter { name: name.to_owned(), file_name: Some(name.to_owned()), text: text.to_owned() }
            .list(None)
    }

    /// Takes a list that one of the keys has signed: by a signature beside it, or clear-signed.
    ///
    /// # Errors
    ///
    /// [`ProofError::Unsigned`], [`ProofError::NotASignature`], [`ProofError::Signature`], and as
    /// [`parse`](ChecksumList::parse).
    pub fn parse_signed(
        name: &str,
        text: &[u8],
        signature: Option<&[u8]>,
        keys: &Keys,
    ) -> Result<Self, ProofError> {
        let (name, text) = (name.to_owned(), text.to_owned());
        let letter = Letter { file_name: Some(name.clone()), name, text };
        let signature = signature.map(|text| {
            let name = format!("the signature of {}", letter.name);
            Letter { name, file_name: None, text: text.to_owned() }
        });
        letter.signed(signature.as_ref(), keys)
    }

    /// Reads a list from a file or an address.
    ///
    /// # Errors
    ///
    /// [`ProofError::Unreadable`], [`ProofError::TooLarge`], and as [`parse`](ChecksumList::parse).
    pub async fn read(place: &Path, http: &HttpOptions) -> Result<Self, ProofError> {
        Letter::read(place, "list of checksums", http).await?.list(None)
    }

    /// Reads a list, and the signature beside it where there is one.
    ///
    /// # Errors
    ///
    /// [`ProofError::NoKey`], and as [`read`](ChecksumList::read) and [`parse_signed`](ChecksumList::parse_signed).
    pub async fn read_signed(
        place: &Path,
        signature: Option<&Path>,
        keys: &Keys,
        http: &HttpOptions,
    ) -> Result<Self, ProofError> {
        if let Some(place) = signature
            && keys.is_empty()
        {
            return Err(ProofError::NoKey { name: shown(place).to_string_lossy().into_owned() });
        }
        let letter = Letter::read(place, "list of checksums", http).await?;
        let signature = match signature {
            Some(place) => Some(Letter::read(place, "signature", http).await?),
            None => None,
        };
        letter.signed(signature.as_ref(), keys)
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
    pub(super) fn no_entry(&self, names: Vec<String>) -> ProofError {
        let has = self.sums.entries.iter().take(NAMES_SHOWN);
        ProofError::NoEntry {
            list: self.name.clone(),
            names,
            has: has.map(|entry| String::from_utf8_lossy(&entry.name).into_owned()).collect(),
            entries: self.sums.entries.len(),
        }
    }
}

/// More bytes are no list: a hundred thousand files have half of it.
const MOST_BYTES: usize = 16 << 20;
const CHUNKS: usize = 2;
const CHUNK_BYTES: usize = 64 << 10;
/// Names of a list that are enough to see what kind of list it is.
const NAMES_SHOWN: usize = 4;

/// The words of a path, without those that lead nowhere.
fn words(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|word| !matches!(*word, b"" | b".")).collect()
}

/// A small file, and what it is called.
pub(super) struct Letter {
    pub(super) name: String,
    /// Without folders; of an address the last word of its path.
    file_name: Option<String>,
    pub(super) text: Vec<u8>,
}

impl Letter {
    /// Reads what is at a place.
    pub(super) async fn read(
        place: &Path,
        what: &'static str,
        http: &HttpOptions,
    ) -> Result<Self, ProofError> {
        let (place, http) = (place.to_owned(), *http);
        off_runtime(move || Letter::read_blocking(&place, what, &http)).await
    }

    /// The same outside the async runtime.
    fn read_blocking(
        place: &Path,
        what: &'static str,
        http: &HttpOptions,
    ) -> Result<Self, ProofError> {
        let unreadable =
            |error: SourceError| ProofError::Unreadable { what, source: Box::new(error) };
        let options = SourceOptions { http: *http, ..SourceOptions::default() };
        let mut source = open_blocking(place, &options).map_err(unreadable)?;
        let pool = Pool::new(CHUNKS, CHUNK_BYTES);
        let mut text = Vec::new();
        while let Some(chunk) = source.next_chunk(&pool).map_err(unreadable)? {
            text.extend_from_slice(&chunk);
            if text.len() > MOST_BYTES {
                let name = source.name().to_owned();
                return Err(ProofError::TooLarge { name, what, limit: MOST_BYTES });
            }
        }
        source.finish(&Digests::default()).map_err(unreadable)?;
        Ok(Letter { name: source.name().to_owned(), file_name: source.file_name(), text })
    }

    fn signed(self, signature: Option<&Letter>, keys: &Keys) -> Result<ChecksumList, ProofError> {
        match signature {
            Some(signature) => {
                let signer = keys.check_beside(&self, signature)?;
                self.list(Some(signer))
            }
            None => {
                let (text, signer) = keys.check_around(&self)?;
                Letter { text, ..self }.list(Some(signer))
            }
        }
    }

    fn list(self, signer: Option<String>) -> Result<ChecksumList, ProofError> {
        let named = self.file_name.as_deref().and_then(Sums::algorithm_of);
        let untagged: Vec<_> = named.into_iter().chain(Algorithm::USUAL).collect();
        let sums = Sums::parse(&self.text, &untagged);
        // A name may be nothing but blanks.
        let lone_digest = match sums.entries.is_empty() {
            true => Sums::lone_digest(&self.text, &untagged),
            false => None,
        };
        if sums.entries.is_empty() && lone_digest.is_none() {
            return Err(ProofError::NotAList { list: self.name });
        }
        Ok(ChecksumList { name: self.name, sums, lone_digest, signer })
    }
}
