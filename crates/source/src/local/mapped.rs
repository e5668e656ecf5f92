//! A file or block device mapped into memory, without a copy.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Digests};

use super::file::FileSource;
use super::mmap::Map;
use crate::chunk::Chunk;
use crate::error::SourceError;
use crate::pool::Pool;
use crate::provenance::{Provenance, Published};
use crate::source::{Compressed, ReadAt, Rewind, Source, SourceTimes};

/// A file whose chunks are pages of the page cache. They are not part of the memory budget; the lengths of
/// the queues bound how many are in use.
///
/// A file that shrinks and a disk that fails end with an error, at the latest in [`check`](Source::check);
/// the process continues. The failing access detects it, and until then zeros may be read in place of data.
/// For that, the first source of this type installs a handler for `SIGBUS` in the process. It passes signals
/// for other memory on to the handler that was installed before.
#[derive(Debug)]
pub struct MappedSource {
    file: FileSource,
    map: Arc<Map>,
    length: usize,
    at: usize,
}

impl MappedSource {
    /// Maps an open file.
    ///
    /// # Errors
    ///
    /// [`SourceError::Open`]: it cannot be mapped.
    pub fn new(file: FileSource) -> Result<Self, SourceError> {
        let size = file.size().unwrap_or_default();
        let mapped = usize::try_from(size)
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::FileTooLarge))
            .and_then(|length| Ok((Map::new(file.file(), length)?, length)));
        match mapped {
            Ok((map, length)) => Ok(MappedSource { file, map: Arc::new(map), length, at: 0 }),
            Err(source) => Err(SourceError::Open { name: file.name().to_owned(), source }),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl Source for MappedSource {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn file_name(&self) -> Option<String> {
        self.file.file_name()
    }

    fn image_name(&self) -> Option<String> {
        self.file.image_name()
    }

    fn content_name(&self) -> Option<String> {
        self.file.content_name()
    }

    fn size(&self) -> Option<u64> {
        self.file.size()
    }

    fn stamp(&self) -> Option<String> {
        self.file.stamp()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        if self.at == self.length {
            return Ok(None);
        }
        self.check()?;
        let range = self.at..self.length.min(self.at + pool.chunk_bytes());
        self.at = range.end;
        self.map.read_ahead(range.clone());
        let window = Window { map: Arc::clone(&self.map), range };
        Ok(Some(Chunk::of(Bytes::from_owner(window))))
    }

    fn wants(&self) -> &[Algorithm] {
        self.file.wants()
    }

    fn check(&mut self) -> Result<(), SourceError> {
        self.file.check()?;
        if self.map.is_broken() {
            // The file has its original length: the disk did not return the data, or the file shrank and grew
            // again.
            let error = std::io::Error::other("a part of it could not be had");
            return Err(self.file.failed_at(self.at as u64, error));
        }
        Ok(())
    }

    fn finish(&mut self, digests: &Digests) -> Result<(), SourceError> {
        self.check()?;
        self.file.finish(digests)
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.file.provenance()
    }

    fn times(&mut self) -> SourceTimes {
        self.file.times()
    }

    fn published(&self) -> &[Published] {
        self.file.published()
    }

    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        self.file.compressed()
    }

    /// Reads the file and not the mapping: inspected bytes must not change in the meantime.
    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        self.file.random_access()
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

impl Rewind for MappedSource {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.check()?;
        self.at = 0;
        Ok(())
    }
}

/// A range of a map; dropping it removes it from the memory of the process.
struct Window {
    map: Arc<Map>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Window {
    fn as_ref(&self) -> &[u8] {
        self.map.bytes(self.range.clone())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.map.forget(self.range.clone());
    }
}
