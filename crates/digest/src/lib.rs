//! Several hashes of one stream, and hashes of many streams at once.
//!
//! | input | API |
//! |---|---|
//! | one stream, several algorithms, on separate threads | [`MultiHasher`] |
//! | streams from several threads, each at the speed of its source | [`Lanes`] |
//! | streams on the calling thread | [`Stream`], [`update_many`] |
//! | bytes in memory | [`hash`](fn@hash) |
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
//! Chunks are [`bytes::Bytes`]: passing one to several threads costs a reference count each, not a copy. The
//! engine hashes every upload and download with this crate.
//!
//! MD5 and SHA-2 have kernels in this crate, selected by the features of the CPU ([`Platform`]). Other
//! algorithms and other CPUs use implementations of other crates.
//!
//! # Build profiles
//!
//! The kernels are equally fast in every release profile: with or without link-time optimisation, with
//! `opt-level` 2, 3 or `"s"`, and with `-C target-cpu=native`. Without optimisation, as in Cargo's dev
//! profile, they hash a few MB/s. These two lines in the `Cargo.toml` of the workspace optimise only this
//! crate there:
//!
//! ```toml
//! [profile.dev.package.imgpush-digest]
//! opt-level = 3
//! ```

#![warn(missing_debug_implementations)]

mod algorithm;
#[cfg(not(imgpush_backend = "portable"))]
mod arch;
mod backend;
mod block_hasher;
mod blocks;
mod busy;
mod constants;
mod digest;
mod error;
mod lanes;
mod multi;
mod parse;
mod platform;
mod portable;
mod schedule;
mod service;
mod stream;

pub use algorithm::Algorithm;
pub use busy::Busy;
pub use bytes::Bytes;
pub use digest::{Digest, Digests};
pub use error::Error;
pub use multi::MultiHasher;
pub use platform::Platform;
pub use service::{LaneStream, Lanes};
pub use stream::{Stream, update_many};

/// The digest of bytes in memory.
#[must_use]
pub fn hash(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut stream = Stream::new([algorithm]);
    stream.update(bytes);
    stream.finish().0[0]
}
