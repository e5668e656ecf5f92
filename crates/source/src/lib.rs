//! Sources of the bytes of a disk image: files, memory maps, pipes, http and https addresses, and data of the
//! calling program. They are decompressed while they are read, and verified against published checksums.
//!
//! [`open`](open()) opens a file or an address. A [`Source`] returns chunks in buffers of a [`Pool`], whose
//! size bounds the memory. [`checksum::Expected`] wraps a source that must have published digests. The engine
//! reads sources in pushes, and compares files with images by them.
//!
//! # Which source
//!
//! | bytes in | source |
//! |---|---|
//! | a file, a block device, a pipe, an address | [`open`](open()) |
//! | memory | [`BytesSource`] |
//! | a blocking reader | [`ReaderSource`] |
//! | an async reader | [`AsyncReadSource`] |
//! | an async stream of [`bytes::Bytes`] | [`StreamSource`] |
//! | another source, compressed | [`Decompressed`] |
//! | anything else | an implementation of [`Source`]; `examples/custom_source.rs` is one |
//!
//! ```
//! use imgpush_source::pool::Pool;
//! use imgpush_source::{ReaderSource, Source as _};
//!
//! # fn tour() -> Result<(), imgpush_source::SourceError> {
//! let mut source = ReaderSource::new("a pipe", &b"abc"[..]);
//! let pool = Pool::within(64 << 20);
//! while let Some(chunk) = source.next_chunk(&pool)? {
//!     assert_eq!(chunk.len(), 3);
//!     assert!(chunk.slices().all(|slice| &slice[..] == b"abc"));
//! }
//! # Ok(()) }
//! # tour().unwrap();
//! ```
//!
//! # Features
//!
//! All are on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `http` | [`HttpSource`]: files and lists of checksums at addresses |
//! | `zstd`, `xz`, `bzip2` | decompression of these formats; gzip is always supported |
//! | `openpgp` | [`checksum::Keys`]: signatures of lists of checksums |
//! | `mmap` | [`MappedSource`]: files mapped into memory (Linux) |
#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod address;
mod backoff;
mod blocking;
mod catch_panic;
pub mod checksum;
mod chunk;
mod compression;
mod decompress;
mod error;
mod file_name;
mod fill;
mod http;
mod local;
mod open;
pub mod pool;
mod provenance;
mod source;
mod stream;
mod zeros;

// Types of other crates that occur in signatures of this one.
pub use ::bytes;
pub use ::http::StatusCode;
pub use ::tokio;
pub use futures_core::Stream;

#[cfg(feature = "http")]
pub use self::http::HttpSource;
pub use self::http::{Credentials, HttpOptions};
pub use backoff::RetryPolicy;
pub use blocking::off_runtime;
pub use catch_panic::{catch_panic, panic_message};
pub use chunk::{Chunk, Slices};
pub use compression::Compression;
pub use decompress::Decompressed;
pub use error::{
    BoxError, ChecksumError, CustomError, ErrorKind, Interruption, Refusal, SourceError,
};
pub use local::FileSource;
#[cfg(all(target_os = "linux", feature = "mmap"))]
pub use local::MappedSource;
pub use open::{Io, SourceOptions, is_address, is_read_once, open, open_blocking, shown};
pub use pool::Pool;
pub use provenance::{ChecksumSubject, Provenance, Published, SourceChecksum};
pub use source::{Compressed, ReadAt, Rewind, Source, SourceTimes};
pub use stream::{AsyncReadSource, BytesSource, ReaderSource, StreamSource};
pub use zeros::is_zero;
