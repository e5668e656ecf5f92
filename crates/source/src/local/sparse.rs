//! Reads of the holes of a sparse file that bypass the page cache.
//!
//! A normal read of a hole makes the kernel allocate pages of zeros. Clearing and copying them costs half as
//! much as hashing, and they evict useful pages from the cache. A direct read (`O_DIRECT`) avoids both.
//!
//! The file system's statement about holes only selects the method of reading and never replaces reading,
//! since file systems have been wrong about holes. Before a direct read the kernel writes out dirty pages of
//! the range.

use std::fs::File;

/// The known holes of one file.
#[derive(Debug, Default)]
pub(super) struct SparseReader(system::Holes);

impl SparseReader {
    /// Fills `space` from `offset` on and returns true if there is a hole. Otherwise, or when a direct read
    /// fails, it returns false and the content of `space` is undefined.
    pub(super) fn read(&mut self, file: &File, offset: u64, space: &mut [u8]) -> bool {
        self.0.read(file, offset, space)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::ops::Range;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

    use rustix::fs::{OFlags, SeekFrom, seek};
    use rustix::io::Errno;

    /// The alignment of direct reads; no disk has larger blocks.
    const ALIGNMENT: usize = 4096;

    #[derive(Debug, Default)]
    pub(super) struct Holes {
        /// The range that was last found to be only a hole, or only data.
        known: Range<u64>,
        is_hole: bool,
        /// A second descriptor of the file, opened when first needed.
        direct: Option<File>,
        /// Set after an error: holes are no longer searched for.
        is_off: bool,
    }

    impl Holes {
        pub(super) fn read(&mut self, file: &File, offset: u64, space: &mut [u8]) -> bool {
            let end = offset + space.len() as u64;
            let is_aligned = end.is_multiple_of(ALIGNMENT as u64)
                && space.len().is_multiple_of(ALIGNMENT)
                && space.as_ptr().addr().is_multiple_of(ALIGNMENT);
            if self.is_off || !is_aligned || !self.is_hole(file, offset, end) {
                return false;
            }
            if self.direct.is_none() {
                self.direct = reopen(file).ok();
            }
            let direct = self.direct.as_ref();
            let is_read = direct.is_some_and(|direct| direct.read_exact_at(space, offset).is_ok());
            self.is_off = !is_read;
            is_read
        }

        fn is_hole(&mut self, file: &File, offset: u64, end: u64) -> bool {
            if !self.known.contains(&offset) {
                match look(file, offset) {
                    Ok((known, is_hole)) => (self.known, self.is_hole) = (known, is_hole),
                    Err(_) => self.is_off = true,
                }
            }
            !self.is_off && self.is_hole && end <= self.known.end
        }
    }

    /// The range from `offset` on that is only a hole or only data, and whether it is a hole. It moves the
    /// position of the file, which is not used elsewhere.
    fn look(file: &File, offset: u64) -> Result<(Range<u64>, bool), Errno> {
        let data = match seek(file, SeekFrom::Data(offset)) {
            // Only a hole up to the end.
            Err(Errno::NXIO) => u64::MAX,
            answer => answer?,
        };
        if data > offset {
            return Ok((offset..data, true));
        }
        Ok((offset..seek(file, SeekFrom::Hole(offset))?, false))
    }

    /// Opens the file by its descriptor, since the name may belong to another file by now.
    fn reopen(file: &File) -> std::io::Result<File> {
        let flags = OFlags::DIRECT.bits().cast_signed();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        File::options().read(true).custom_flags(flags).open(path)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;

    #[derive(Debug, Default)]
    pub(super) struct Holes;

    impl Holes {
        pub(super) fn read(&mut self, _: &File, _: u64, _: &mut [u8]) -> bool {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use crate::chunk::Chunk;
    use crate::local::FileSource;
    use crate::pool::Pool;
    use crate::source::Source as _;

    const CHUNK: usize = 64 << 10;

    fn chunks(source: &mut FileSource) -> Vec<Chunk> {
        let pool = Pool::new(64, CHUNK);
        std::iter::from_fn(|| source.next_chunk(&pool).unwrap()).collect()
    }

    fn bytes(chunks: &[Chunk]) -> Vec<u8> {
        chunks.iter().flat_map(Chunk::slices).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_sparse_file_reads_as_with_normal_reads() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // Data in the middle of a chunk, across the end of one, and after a hole at an unaligned end.
        for (at, length) in [(5, 9), (3 * CHUNK as u64 + 17, 100_000), (20 * CHUNK as u64, 4097)] {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&vec![7; length]).unwrap();
        }
        for size in [20 * CHUNK as u64 + 4097, 25 * CHUNK as u64, 25 * CHUNK as u64 + 3] {
            file.as_file().set_len(size).unwrap();
            let mut source = FileSource::open(file.path()).unwrap();
            let read = bytes(&chunks(&mut source));
            assert!(read == std::fs::read(file.path()).unwrap(), "{size} bytes");
            source.check().unwrap();
        }
    }

    #[test]
    fn data_written_to_a_known_hole_is_read() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(8 * CHUNK as u64).unwrap();
        let mut source = FileSource::open(file.path()).unwrap();
        let pool = Pool::new(1, CHUNK);
        assert!(source.next_chunk(&pool).unwrap().unwrap().is_zeros());
        // Still in the page cache when it is read.
        file.seek(SeekFrom::Start(4 * CHUNK as u64 + 5)).unwrap();
        file.write_all(b"written").unwrap();
        let rest = chunks(&mut source);
        assert!(rest[..3].iter().all(Chunk::is_zeros));
        assert!(matches!(&rest[3], Chunk::Data(data) if &data[5..12] == b"written"));
    }

    #[test]
    fn zeros_are_detected_by_content_and_holes_also_by_the_file_system() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // Data, zeros that were written, a chunk that is partly a hole, holes, and an unaligned end.
        file.write_all(&[7; CHUNK]).unwrap();
        file.write_all(&[0; CHUNK + 4096]).unwrap();
        file.as_file().set_len(5 * CHUNK as u64 + 3).unwrap();
        let chunks = chunks(&mut FileSource::open(file.path()).unwrap());
        assert!(matches!(chunks[0], Chunk::Data(_)));
        assert!(chunks[1..].iter().all(Chunk::is_zeros), "{chunks:?}");
        assert!(matches!(chunks[1], Chunk::Zero(_)));
        assert_eq!(chunks.iter().map(Chunk::len).sum::<u64>(), 5 * CHUNK as u64 + 3);
        if cfg!(target_os = "linux") {
            assert!(matches!(chunks[3..5], [Chunk::Hole(_), Chunk::Hole(_)]), "{chunks:?}");
        }
    }
}
