//! What is known of a source before it is read.

use imgpush_digest::Digest;

use super::claim::{Claim, Of};
use super::list::ChecksumList;
use super::verified_source::VerifiedSource;
use crate::error::{ChecksumError, SourceError};
use crate::file_name::unpacked_name;
use crate::source::Source;

/// What a source has to be.
///
/// All of it has to hold. Of a packed source a digest that was given is of its packed bytes or of what is
/// in them; one in a list under the name of the file is of the packed bytes, one under that name
/// without the ending of the packing is of what is in them, and where both are listed both count.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    digests: Vec<Digest>,
    list: Option<ChecksumList>,
    name: Option<String>,
}

impl Expected {
    /// Has this digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digests.push(digest);
        self
    }

    /// Has the digests that the list has under its name. A list that is one digest without a name is as
    /// good as the digest.
    #[must_use]
    pub fn with_list(mut self, list: ChecksumList) -> Self {
        self.list = Some(list);
        self
    }

    /// Is called so in the list, whatever its file is called. A name with folders has to end the name in
    /// the list.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether nothing is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty() && self.list.is_none()
    }

    /// The source, which from now on has to be what is expected. It must not have been read.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unverified`] when that cannot be told: the list does not name it, or nothing can be
    /// all that is expected.
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
        self.agree(&claims, source.name())?;
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
        let inner = Some(unpacked_name(&name)).filter(|inner| is_compressed && *inner != name);
        if let Some(inner) = inner {
            claims.extend(list.digests_of(inner).map(|digest| claim(digest, Of::Content)));
        }
        if claims.is_empty() {
            let inner = inner.map(str::to_owned);
            return Err(list.no_entry(std::iter::once(name).chain(inner).collect()));
        }
        Ok(claims)
    }

    /// Whether the same bytes can have all the digests.
    fn agree(&self, claims: &[Claim], name: &str) -> Result<(), ChecksumError> {
        for (number, one) in claims.iter().enumerate() {
            let is_other = |other: &&Claim| {
                other.of == one.of
                    && other.digest.algorithm() == one.digest.algorithm()
                    && other.digest != one.digest
            };
            // Of two digests without a name one may be of the packed bytes and one of the others.
            let Some(other) =
                claims[..number].iter().find(is_other).filter(|_| one.of != Of::Either)
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
