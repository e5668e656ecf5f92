//! Many hashes of one stream.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use imgpush_digest::{Algorithm, MultiHasher};
//!
//! let threads = NonZeroUsize::new(2).unwrap();
//! let mut hasher = MultiHasher::new([Algorithm::Md5, Algorithm::Sha512], threads);
//! hasher.update(&"abc".into());
//! let digests = hasher.finish();
//! assert_eq!(digests.get(Algorithm::Md5).unwrap().to_string(), "900150983cd24fb0d6963f7d28e17f72");
//! ```
//!
//! Chunks are [`bytes::Bytes`]: handing one to several threads costs a reference count each, no copy.
//! The algorithms themselves are those of the RustCrypto crates.
#![deny(unsafe_code)]

mod algorithm;
mod digest;
mod error;
mod multi;
mod portable;

pub use algorithm::Algorithm;
pub use digest::{Digest, Digests};
pub use error::Error;
pub use multi::MultiHasher;

/// The digest of bytes that are all there.
#[must_use]
pub fn hash(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = portable::Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
