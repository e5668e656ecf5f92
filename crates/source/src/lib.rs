//! Where the bytes of a disk image come from: files, memory maps, pipes, addresses; decompressed on the
//! way, and compared with published checksums.
//!
//! [`open`](open()) opens what a user names. A [`Source`] hands out chunks in buffers of a [`Pool`], whose
//! size bounds the memory; [`checksum::Expected`] is put around a source that has to have published
//! digests.
//!
//! ```
//! use imgpush_source::pool::Pool;
//! use imgpush_source::{ReaderSource, Source as _};
//!
//! # fn tour() -> Result<(), imgpush_source::SourceError> {
//! let mut source = ReaderSource::new("a pipe", &b"abc"[..]);
//! let pool = Pool::within(64 << 20);
//! while let Some(chunk) = source.next_chunk(&pool)? {
//!     assert_eq!(&chunk[..], b"abc");
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
//! | `http` | [`HttpSource`]: addresses, and lists of checksums at addresses |
//! | `zstd`, `xz`, `bzip2` | their decompression; gzip is always there |
//! | `openpgp` | [`checksum::Keys`]: signatures of lists |
//! | `mmap` | [`MappedSource`]: files mapped into memory (Linux) |
#![deny(unsafe_code)]

mod address;
mod backoff;
mod blocking;
pub mod checksum;
mod compression;
mod decompress;
mod error;
mod file_name;
mod http;
mod local;
mod open;
pub mod pool;
mod provenance;
mod reader;
mod source;
mod zeros;

pub use self::http::HttpOptions;
#[cfg(feature = "http")]
pub use self::http::HttpSource;
pub use backoff::RetryPolicy;
pub use blocking::off_runtime;
pub use compression::Compression;
pub use decompress::Decompressed;
pub use error::{
    BoxError, ChecksumError, CustomError, ErrorKind, Interruption, Refusal, SourceError,
};
pub use local::FileSource;
#[cfg(all(target_os = "linux", feature = "mmap"))]
pub use local::MappedSource;
pub use open::{Io, SourceOptions, is_address, open, open_blocking, shown};
pub use pool::Pool;
pub use provenance::{Provenance, Published, SourceChecksum};
pub use reader::ReaderSource;
pub use source::{Compressed, ReadAt, Rewind, Source, SourceTimes};
pub use zeros::is_zero;
