//! A source of bytes in memory.

use bytes::Bytes;

use crate::chunk::Chunk;
use crate::error::SourceError;
use crate::fill::copy;
use crate::pool::Pool;
use crate::source::{ReadAt, Rewind, Source};

/// Bytes in memory, which can be read again and at any position.
///
/// Chunks are slices of these bytes: nothing is copied, and no buffer of the pool is used. The memory belongs
/// to the caller and is used in addition to the pool's.
///
/// ```
/// use imgpush_source::{BytesSource, Pool, Source as _};
///
/// let mut source = BytesSource::new("a disk", vec![7; 5000]);
/// assert_eq!(source.size(), Some(5000));
/// let pool = Pool::new(4, 4096);
/// assert_eq!(source.next_chunk(&pool)?.unwrap().len(), 4096);
/// # Ok::<_, imgpush_source::SourceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BytesSource {
    name: String,
    file_name: Option<String>,
    bytes: Bytes,
    at: usize,
}

impl BytesSource {
    /// A source of these bytes; `name` appears in messages.
    pub fn new(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        BytesSource { name: name.into(), file_name: None, bytes: bytes.into(), at: 0 }
    }

    /// Sets the name of the file that the bytes come from, for lists of checksums and the name of the image.
    #[must_use]
    pub fn with_file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }
}

impl Source for BytesSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn file_name(&self) -> Option<String> {
        self.file_name.clone()
    }

    fn size(&self) -> Option<u64> {
        Some(self.bytes.len() as u64)
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let end = self.bytes.len().min(self.at + pool.chunk_bytes());
        let chunk = self.bytes.slice(self.at..end);
        self.at = end;
        Ok((!chunk.is_empty()).then(|| Chunk::of(chunk)))
    }

    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        Some(self)
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

impl ReadAt for BytesSource {
    fn read_at(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        Ok(copy(&self.bytes.slice(start..), space))
    }
}

impl Rewind for BytesSource {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.at = 0;
        Ok(())
    }
}
