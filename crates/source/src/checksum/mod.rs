//! Published checksums that a source must have.
//!
//! [`Expected`] holds digests, or a [`ChecksumList`] with an entry for the source. It wraps the source, which
//! then [finishes](crate::Source::finish) only if its bytes have the expected digests. All bytes are hashed
//! while they are read once. An upload of such a source withholds the last chunk until the checksums match.
//!
//! ```
//! use imgpush_digest::Algorithm;
//! use imgpush_source::checksum::{ChecksumList, Expected};
//! use imgpush_source::{ReaderSource, Source as _};
//!
//! # fn tour() -> Result<(), imgpush_source::SourceError> {
//! let list = ChecksumList::parse("MD5SUMS", b"900150983cd24fb0d6963f7d28e17f72 *noble.img\n")?;
//! let expected = Expected::default().with_list(list).with_name("noble.img");
//! let source = expected.of(Box::new(ReaderSource::new("a pipe", &b"abc"[..])))?;
//! assert_eq!(source.wants(), [Algorithm::Md5]);
//! # Ok(()) }
//! # tour().unwrap();
//! ```
//!
//! The origin of the list is verified by its OpenPGP signature, with [`Keys`] that the caller trusts:
//!
//! ```no_run
//! use std::path::Path;
//! use imgpush_source::checksum::{ChecksumList, Expected, Keys};
//! use imgpush_source::{HttpOptions, SourceOptions, open};
//!
//! # async fn tour() -> Result<(), imgpush_source::SourceError> {
//! let keys = Keys::read(Path::new("ubuntu.gpg")).await?;
//! let list = Path::new("https://cloud.example.org/noble/SHA256SUMS");
//! let signature = Path::new("https://cloud.example.org/noble/SHA256SUMS.gpg");
//! let list =
//!     ChecksumList::read_signed(list, Some(signature), &keys, &HttpOptions::default()).await?;
//!
//! let place = Path::new("https://cloud.example.org/noble/noble.img");
//! let source = open(place, &SourceOptions::default()).await?;
//! let source = Expected::default().with_list(list).of(source)?;
//! # Ok(()) }
//! ```
//!
//! A compressed source may be verified by the digest of its compressed bytes or of its content. In a list
//! the name says which of them is meant; a digest without a name may be of either.

mod claim;
mod document;
mod expected;
mod list;
pub mod notation;
#[cfg(feature = "openpgp")]
mod openpgp;
mod verified_source;

pub use expected::Expected;
pub use list::ChecksumList;
pub use notation::Sums;
#[cfg(feature = "openpgp")]
pub use openpgp::Keys;
pub use verified_source::VerifiedSource;
