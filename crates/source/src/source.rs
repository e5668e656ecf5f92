//! The trait that all sources implement.

use std::time::Duration;

use imgpush_digest::{Algorithm, Digests};

use crate::chunk::Chunk;
use crate::error::SourceError;
use crate::file_name;
use crate::pool::Pool;
use crate::provenance::{Provenance, Published};

/// The bytes of an image, read once from start to end.
///
/// All calls may block; the engine makes them on a dedicated thread.
///
/// It may be implemented outside this crate. An implementation that wraps another source must forward every
/// method: `#[deny(clippy::missing_trait_methods)]` on its `impl` finds missing ones.
pub trait Source: Send {
    /// The name in messages and reports. It must not contain secrets.
    fn name(&self) -> &str;

    /// The name of the file without folders; for an address the last segment of its path.
    fn file_name(&self) -> Option<String> {
        None
    }

    /// A name for an image made of this source.
    fn image_name(&self) -> Option<String> {
        self.file_name().map(|name| file_name::image_name(&name))
    }

    /// The name of a file with the bytes of this source: of a compressed file that is decompressed, its
    /// [name](Source::file_name) without the extension of the compression format.
    fn content_name(&self) -> Option<String> {
        self.file_name()
    }

    /// The number of bytes, if it is known before reading.
    fn size(&self) -> Option<u64>;

    /// A text that changes when the bytes at the same place change, if that is known without reading them:
    /// size and time of a file, or the version that a server reports.
    fn stamp(&self) -> Option<String> {
        None
    }

    /// The next bytes, never empty, or `None` at the end.
    ///
    /// The bytes belong in a buffer of `pool`, which bounds the memory, or are known to be zeros. A source
    /// that returns its own memory must bound it itself. A chunk has at most [`Pool::chunk_bytes`], zeros
    /// too, so that consumers progress in even steps. Zeros must have been read: the file system's statement
    /// about holes is no evidence of their content.
    ///
    /// # Errors
    ///
    /// Reading failed, or the source is shorter than its [`size`](Source::size). A
    /// [`CustomError`](crate::CustomError) can be marked as transient.
    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError>;

    /// The algorithms whose digests [`finish`](Source::finish) needs.
    fn wants(&self) -> &[Algorithm] {
        &[]
    }

    /// Checks that the part that was read has not changed since the start.
    ///
    /// # Errors
    ///
    /// The source has changed.
    fn check(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    /// Checks that the bytes that were read are complete and as expected. It is called after the last chunk
    /// and before the last byte is sent, with the digests of all chunks, including those that the source
    /// [`wants`](Source::wants).
    ///
    /// # Errors
    ///
    /// The bytes are incomplete or differ: the image must not become active.
    fn finish(&mut self, digests: &Digests) -> Result<(), SourceError> {
        let _ = digests;
        self.check()
    }

    /// The results of the verification, once the source has [finished](Source::finish); none when no checksum
    /// was expected.
    fn provenance(&self) -> Option<&Provenance> {
        None
    }

    /// The time spent on work other than reading, in all passes so far.
    fn times(&mut self) -> SourceTimes {
        SourceTimes::default()
    }

    /// Digests that are known before reading. If the bytes have other digests, [`finish`](Source::finish)
    /// fails.
    fn published(&self) -> &[Published] {
        &[]
    }

    /// The compressed bytes, if the source decompresses.
    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        None
    }

    /// Random access, for sources where it is cheap. If the size is known as well, headers and footers are
    /// inspected before the first chunk. A source may return none after a read by it has failed; then it is
    /// inspected while it is read from its start.
    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        None
    }

    /// Rewinding, for sources that can be read again. Uploads of other sources are not retried.
    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        None
    }
}

/// The time that a source spends on work other than reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceTimes {
    /// Decompression.
    pub decompress: Duration,
    /// Hashing of the compressed bytes, on separate threads.
    pub hash: Duration,
    /// Waiting for this hashing.
    pub wait_for_hash: Duration,
}

/// Random access to a source. The position of the next chunk does not change.
pub trait ReadAt {
    /// Fills `space` with the bytes from `offset` on, and returns their number, which is smaller only at
    /// the end of the source.
    ///
    /// # Errors
    ///
    /// Reading failed.
    fn read_at(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError>;
}

/// The compressed bytes of a source that decompresses them.
pub trait Compressed {
    /// Adds algorithms to hash the compressed bytes with. Call it before the first chunk is read.
    fn hash(&mut self, algorithms: &[Algorithm]);

    /// Their digests, including padding after the end of the data, once the source has
    /// [finished](Source::finish).
    fn digests(&self) -> &Digests;

    /// Bytes after the compressed data that were ignored, once the source has
    /// [finished](Source::finish). Zeros are padding and do not count.
    fn ignored_bytes(&self) -> u64 {
        0
    }
}

/// Rewinding of a source.
pub trait Rewind {
    /// Makes the next chunk the first one again.
    ///
    /// # Errors
    ///
    /// The source no longer exists, or has changed.
    fn to_start(&mut self) -> Result<(), SourceError>;
}

/// The start of a source, before anything is read.
pub(crate) trait Peek: Source {
    /// Fills `space` with the first bytes, and returns their number, which is smaller only at the end of
    /// the source. The first chunk still begins with them.
    fn peek(&mut self, space: &mut [u8]) -> Result<usize, SourceError>;
}
