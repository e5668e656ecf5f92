//! Where the bytes of an image come from.

use std::time::Duration;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Digests};

use crate::error::SourceError;
use crate::file_name;
use crate::pool::Pool;
use crate::provenance::{Provenance, Published};

/// The bytes of an image, read once from start to end.
///
/// All calls may block; the engine makes them on a thread of their own.
pub trait Source: Send {
    /// What messages and the report call it.
    fn name(&self) -> &str;

    /// The name of its file, without folders; of an address the last word of its path.
    fn file_name(&self) -> Option<String> {
        None
    }

    /// What an image made of it could be called.
    fn image_name(&self) -> Option<String> {
        self.file_name().map(|name| file_name::image_name(&name))
    }

    /// The number of bytes there will be, where it is known before reading.
    fn size(&self) -> Option<u64>;

    /// What tells it from the same place with other bytes, where that is known without reading them: size
    /// and time of a file, what a server says of the version it gives.
    fn stamp(&self) -> Option<String> {
        None
    }

    /// The next bytes in a buffer of `pool`, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Reading failed, or the source turned out to be shorter than it said.
    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Bytes>, SourceError>;

    /// The algorithms by which it wants all its bytes to be hashed.
    fn wants(&self) -> &[Algorithm] {
        &[]
    }

    /// Whether the source is what it was at the start, as far as it was read.
    ///
    /// # Errors
    ///
    /// It is not.
    fn check(&mut self) -> Result<(), SourceError> {
        Ok(())
    }

    /// Whether what was read is the whole source, and what it has to be. The last word is said behind the
    /// last chunk, with the digests of all chunks, those that it [`wants`](Source::wants) among them, and
    /// before the last byte is sent.
    ///
    /// # Errors
    ///
    /// It is not: the image must not become active.
    fn finish(&mut self, digests: &Digests) -> Result<(), SourceError> {
        let _ = digests;
        self.check()
    }

    /// What has proved it, once it has [finished](Source::finish); none when nobody asked.
    fn provenance(&self) -> Option<&Provenance> {
        None
    }

    /// What it has done beside reading, in all its readings so far.
    fn times(&mut self) -> SourceTimes {
        SourceTimes::default()
    }

    /// The digests that it is known to have, or never to [`finish`](Source::finish).
    fn published(&self) -> &[Published] {
        &[]
    }

    /// The packed bytes, of a source that unpacks.
    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        None
    }

    /// Bytes from anywhere, for sources that can give them at little cost: where their size is known,
    /// headers and footers are looked at before the reading starts.
    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        None
    }

    /// The way back to the start, for sources that have one. What has none is never sent twice.
    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        None
    }
}

/// What a source does beside reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceTimes {
    /// Unpacking.
    pub decompress: Duration,
    /// Hashing what is packed, on threads of its own.
    pub hash: Duration,
    /// Waiting for that.
    pub wait_for_hash: Duration,
}

/// Reads anywhere in a source. Where its next chunk begins is not changed.
pub trait ReadAt {
    /// Fills `space` with what is at `offset`, and gives the number of bytes, fewer only where the
    /// source ends.
    ///
    /// # Errors
    ///
    /// Reading failed.
    fn read_at(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError>;
}

/// The packed bytes of a source that unpacks them.
pub trait Compressed {
    /// Has them hashed by these algorithms, too. Comes before the first chunk is asked for.
    fn hash(&mut self, algorithms: &[Algorithm]);

    /// Their digests, padding behind the end of the data included, once the source has
    /// [finished](Source::finish).
    fn digests(&self) -> &Digests;
}

/// The way back to the start of a source.
pub trait Rewind {
    /// Makes the next chunk the first again.
    ///
    /// # Errors
    ///
    /// The source is gone or another than before.
    fn to_start(&mut self) -> Result<(), SourceError>;
}

/// The start of a source, before anything is read.
pub(crate) trait Peek: Source {
    /// Fills `space` with the first bytes, and gives the number, fewer only where there are no more. The
    /// first chunk begins with them all the same.
    fn peek(&mut self, space: &mut [u8]) -> Result<usize, SourceError>;
}
