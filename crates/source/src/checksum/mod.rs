//! What a source has to be, proved before its end is let go.
//!
//! [`Expected`] holds what is known of a source: digests, or a [`ChecksumList`] that names it. Put around
//! the source, it has all bytes hashed on their one way, and the source
//! [`finish`](crate::source::Source::finish) only when they are the ones expected. So a push, a
//! staging or a verification that gets such a source holds the end back until it is proved.
//!
//! ```
//! use imgpush_engine::Digests;
//! use imgpush_source::checksum::{ChecksumList, Expected};
//! use imgpush_source::{ReaderSource, Source as _};
//!
//! # fn tour() -> Result<(), imgpush_engine::SourceError> {
//! let list = ChecksumList::parse("MD5SUMS", b"900150983cd24fb0d6963f7d28e17f72 *noble.img\n")?;
//! let expected = Expected::default().with_list(list).named("noble.img");
//! let source = expected.of(Box::new(ReaderSource::new("a pipe", &b"abc"[..])))?;
//! assert_eq!(source.wants(), [imgpush_engine::Algorithm::Md5]);
//! # Ok(()) }
//! # tour().unwrap();
//! ```
//!
//! Who made the list is proved by its OpenPGP signature and [`Keys`] that one trusts:
//!
//! ```no_run
//! use std::path::Path;
//! use imgpush_source::checksum::{ChecksumList, Expected, Keys};
//! use imgpush_source::{self, HttpOptions, SourceOptions};
//!
//! # async fn tour() -> Result<(), imgpush_engine::SourceError> {
//! let keys = Keys::read(Path::new("ubuntu.gpg")).await?;
//! let list = Path::new("https://cloud.example.org/noble/SHA256SUMS");
//! let signature = Path::new("https://cloud.example.org/noble/SHA256SUMS.gpg");
//! let list =
//!     ChecksumList::read_signed(list, Some(signature), &keys, &HttpOptions::default()).await?;
//!
//! let place = Path::new("https://cloud.example.org/noble/noble.img");
//! let source = source::open(place, &SourceOptions::default()).await?;
//! let source = Expected::default().with_list(list).of(source)?;
//! # Ok(()) }
//! ```
//!
//! A packed source may be proved by the digest of its packed bytes or of what is in them: of a list the
//! name tells which is meant, and of a digest without a name either will do.

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
