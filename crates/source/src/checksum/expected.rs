//! Checksums that a source must have.

use imgpush_digest::Digest;

use super::claim::{Claim, Of};
use super::list::ChecksumList;
use super::verified_source::VerifiedSource;
use crate::error::{ChecksumError, SourceError};
use crate::file_name::decompressed_name;
use crate::source::Source;

/// The checksums that a source must have: all of them.
///
/// For a compressed source, a digest that is given directly may be of its compressed bytes or of its
/// content. In a list, an entry with the name of the file is of the compressed bytes, and one with that
/// name without the extension of the compression format is of the content. If both are listed, both must match.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    digests: Vec<Digest>,
    list: Option<ChecksumList>,
    name: Option<String>,
}

impl Expected {
    /// Adds a digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digests.push(digest);
        self
    }

    /// Sets the list whose entries for the name of the source must match. A list that is one digest
    /// without a name counts as that digest.
    #[must_use]
    pub fn with_list(mut self, list: ChecksumList) -> Self {
        self.list = Some(list);
        self
    }

    /// Sets the name to look for in the list; the file name of the source by default. A name with folders
    /// matches entries that end with it.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether nothing is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty() && self.list.is_none()
    }

    /// Wraps a source, which then finishes only if it has the expected checksums. It must not have been
    /// read.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unverified`]: the list has no entry for it, or the checksums contradict each other.
    pub fn of(&self, mut source: Box<dyn Source>) -> Result<Box<dyn Source>, SourceError> {
        if self.is_empty() {
            return Ok(source);
        }
        let is_compressed = source.compressed().is_some();
        let of = if is_compressed { Of::Either } else { Of::Source };
        let given =
            self.digests.iter().map(|digest| Claim { digest: *digest, of, is_listed: false });
        let mut claims: Vec<Claim> = given.collect();
        if let Some(list) = &self.list {
            claims.extend(self.listed(list, source.as_ref(), is_compressed)?);
        }
        self.check_contradictions(&claims, source.name())?;
        Ok(Box::new(VerifiedSource::new(source, claims, self.list.as_ref())))
    }

    fn listed(
        &self,
        list: &ChecksumList,
        source: &dyn Source,
        is_compressed: bool,
    ) -> Result<Vec<Claim>, ChecksumError> {
        let claim = |digest, of| Claim { digest, of, is_listed: true };
        if let Some(digest) = list.lone_digest() {
            return Ok(vec![claim(digest, if is_compressed { Of::Either } else { Of::Source })]);
        }
        let Some(name) = self.name.clone().or_else(|| source.file_name()) else {
            let (name, list) = (source.name().to_owned(), list.name().to_owned());
            return Err(ChecksumError::NoName { name, list });
        };
        let mut claims: Vec<_> =
            list.digests_of(&name).map(|digest| claim(digest, Of::Source)).collect();
        let inner = Some(decompressed_name(&name)).filter(|inner| is_compressed && *inner != name);
        if let Some(inner) = inner {
            claims.extend(list.digests_of(inner).map(|digest| claim(digest, Of::Content)));
        }
        if claims.is_empty() {
            let inner = inner.map(str::to_owned);
            return Err(list.no_entry(std::iter::once(name).chain(inner).collect()));
        }
        Ok(claims)
    }

    /// Checks that the same bytes can have all the digests.
    fn check_contradictions(&self, claims: &[Claim], name: &str) -> Result<(), ChecksumError> {
        for (number, one) in claims.iter().enumerate() {
            let is_other = |other: &&Claim| {
                other.of == one.of
                    && other.digest.algorithm() == one.digest.algorithm()
                    && other.digest != one.digest
            };
            // Of two digests without a name, one may be of the compressed bytes and the other of the content.
            let Some(other) =
                claims.iter().take(number).find(is_other).filter(|_| one.of != Of::Either)
            else {
                continue;
            };
            let is_listed = one.is_listed || other.is_listed;
            return Err(ChecksumError::Contradiction {
                name: one.of.shown(name),
                algorithm: one.digest.algorithm(),
                first: other.digest.to_string(),
                second: one.digest.to_string(),
                list: self.list.as_ref().filter(|_| is_listed).map(|list| list.name().to_owned()),
            });
        }
        Ok(())
    }
}
