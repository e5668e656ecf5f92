//! A file or block device, read ahead into the pool with `pread`.
//!
//! Files are mapped only on request. A file that changes under a mapping can be hashed and sent with
//! different content, and mapping gains about one per cent at the hashing speed of an upload.

use std::fs::{File, Metadata};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::file_stamp::FileStamp;
use super::sparse::SparseReader;
use crate::chunk::Chunk;
use crate::error::SourceError;
use crate::file_name::file_name;
use crate::fill::unfilled;
use crate::pool::Pool;
use crate::source::{Peek, ReadAt, Rewind, Source};

/// A file, read up to the size that it had when it was opened.
#[derive(Debug)]
pub struct FileSource {
    name: String,
    file: File,
    size: u64,
    /// None for devices.
    stamp: Option<FileStamp>,
    at: u64,
    holes: SparseReader,
}

impl FileSource {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// [`SourceError::Open`] or [`SourceError::Directory`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        let name = path.as_ref().display().to_string();
        let failed = |source| SourceError::Open { name: name.clone(), source };
        let mut file = File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(SourceError::Directory { name });
        }
        let (size, stamp) = if metadata.is_file() {
            (metadata.len(), Some(FileStamp::of(&metadata)))
        } else {
            // A device reports its length only by its end position.
            let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
            file.rewind().map_err(failed)?;
            (size, None)
        };
        Ok(FileSource { name, file, size, stamp, at: 0, holes: SparseReader::default() })
    }

    /// The file, for mapping.
    #[cfg(all(target_os = "linux", feature = "mmap"))]
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn failed_at(&self, at: u64, source: std::io::Error) -> SourceError {
        SourceError::Read { name: self.name.clone(), at, source }
    }

    fn failed(&self, source: std::io::Error) -> SourceError {
        self.failed_at(self.at, source)
    }

    fn metadata(&self) -> Result<Metadata, SourceError> {
        self.file.metadata().map_err(|source| self.failed(source))
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn file_name(&self) -> Option<String> {
        file_name(&self.name)
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn stamp(&self) -> Option<String> {
        Some(format!("{} bytes, {}", self.size, self.stamp.as_ref()?))
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let mut buffer = pool.take().map_err(|source| self.failed(source))?;
        let space = buffer.space();
        let wanted = left.min(space.len());
        let (space, _) = space.split_at_mut(wanted);
        let is_hole = self.holes.read(&self.file, self.at, space);
        let filled = if is_hole { wanted } else { self.read_at(self.at, space)? };
        self.at += filled as u64;
        if filled < wanted {
            return Err(SourceError::Shrank {
                name: self.name.clone(),
                expected: self.size,
                found: self.at,
            });
        }
        let chunk = Chunk::of(buffer.into_chunk(filled));
        // The bytes were read as well: the file system's statement that there is a hole is not enough.
        Ok(Some(if is_hole && chunk.is_zeros() { Chunk::Hole(filled as u64) } else { chunk }))
    }

    fn check(&mut self) -> Result<(), SourceError> {
        let metadata = self.metadata()?;
        if !metadata.is_file() {
            return Ok(());
        }
        let name = || self.name.clone();
        let found = metadata.len();
        if found < self.size {
            return Err(SourceError::Shrank { name: name(), expected: self.size, found });
        }
        if found > self.size {
            return Err(SourceError::Grew { name: name(), expected: self.size, found });
        }
        if self.stamp.as_ref().is_some_and(|stamp| *stamp != FileStamp::of(&metadata)) {
            return Err(SourceError::Changed { name: name() });
        }
        Ok(())
    }

    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        Some(self)
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

impl ReadAt for FileSource {
    fn read_at(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError> {
        let mut filled = 0;
        while let Some(rest) = unfilled(space, filled) {
            let at = offset.saturating_add(filled as u64);
            match read_at(&self.file, rest, at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed_at(at, error)),
            }
        }
        Ok(filled)
    }
}

impl Peek for FileSource {
    fn peek(&mut self, space: &mut [u8]) -> Result<usize, SourceError> {
        self.read_at(0, space)
    }
}

impl Rewind for FileSource {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.check()?;
        self.at = 0;
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, space: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, space, at)
}

#[cfg(windows)]
fn read_at(file: &File, space: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, space, at)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn read_all(source: &mut FileSource, pool: &Pool) -> Result<Vec<u8>, SourceError> {
        let mut all = Vec::new();
        while let Some(chunk) = source.next_chunk(pool)? {
            chunk.slices().for_each(|slice| all.extend_from_slice(&slice));
        }
        source.check()?;
        Ok(all)
    }

    #[test]
    fn a_file_is_read_again_after_a_rewind() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
        file.write_all(&content).unwrap();
        let pool = Pool::new(2, 4096);
        let mut source = FileSource::open(file.path()).unwrap();
        assert_eq!(source.size(), Some(10_000));
        assert_eq!(read_all(&mut source, &pool).unwrap(), content);
        source.rewind().unwrap().to_start().unwrap();
        assert_eq!(read_all(&mut source, &pool).unwrap(), content);
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        let pool = Pool::new(4, 4096);
        let opened = || {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&[7; 10_000]).unwrap();
            let mut source = FileSource::open(file.path()).unwrap();
            source.next_chunk(&pool).unwrap();
            (file, source)
        };

        let (file, mut source) = opened();
        file.as_file().set_len(5_000).unwrap();
        let error = read_all(&mut source, &pool).unwrap_err();
        assert!(
            matches!(error, SourceError::Shrank { expected: 10_000, found: 5_000, .. }),
            "{error:?}"
        );

        let (mut file, mut source) = opened();
        file.write_all(&[8; 1]).unwrap();
        let error = read_all(&mut source, &pool).unwrap_err();
        assert!(
            matches!(error, SourceError::Grew { expected: 10_000, found: 10_001, .. }),
            "{error:?}"
        );

        let (file, mut source) = opened();
        let later = SystemTime::now() + Duration::from_secs(5);
        file.as_file().set_modified(later).unwrap();
        let error = read_all(&mut source, &pool).unwrap_err();
        assert!(matches!(error, SourceError::Changed { .. }), "{error:?}");
    }

    /// Sets the time as `touch -r` and `rsync --times` do.
    #[cfg(unix)]
    #[test]
    fn a_write_whose_time_is_set_back_is_a_change() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 10_000]).unwrap();
        let modified = file.as_file().metadata().unwrap().modified().unwrap();
        let mut source = FileSource::open(file.path()).unwrap();
        // File times have the resolution of the kernel's clock ticks.
        std::thread::sleep(Duration::from_millis(50));
        file.rewind().unwrap();
        file.write_all(&[8; 10_000]).unwrap();
        file.as_file().set_modified(modified).unwrap();
        let error = read_all(&mut source, &Pool::new(4, 4096)).unwrap_err();
        assert!(matches!(error, SourceError::Changed { .. }), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_replaces_another_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        let built = |content: u8| {
            let new = folder.path().join("new");
            std::fs::write(&new, [content; 10_000]).unwrap();
            File::options()
                .write(true)
                .open(&new)
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH)
                .unwrap();
            std::fs::rename(new, &path).unwrap();
            FileSource::open(&path).unwrap()
        };
        let (first, second) = (built(7), built(8));
        assert_ne!(first.stamp(), second.stamp());
        assert_eq!(second.stamp(), FileSource::open(&path).unwrap().stamp());
    }

    #[test]
    fn a_directory_and_a_missing_file_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(FileSource::open(folder.path()), Err(SourceError::Directory { .. })));
        let missing = FileSource::open(folder.path().join("none")).unwrap_err();
        assert!(matches!(missing, SourceError::Open { .. }));
    }
}
