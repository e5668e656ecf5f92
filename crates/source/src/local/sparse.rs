//! The holes of a sparse file, read past the page cache.
//!
//! Of a hole the kernel makes pages of zeros when it is read in the usual way: clearing and copying
//! them costs as much as half the hashing, and they push out of the cache what is worth keeping. A read
//! past the cache leaves both out.
//!
//! What the file system says of holes decides how a place is read and never what is read there, since
//! file systems have been wrong about that. Before the kernel reads past the cache it writes out what
//! others have written to the place.

use std::fs::File;

/// What is known of the holes of one file.
#[derive(Debug, Default)]
pub(super) struct SparseReader(system::Holes);

impl SparseReader {
    /// Fills `space` from `offset` on if there is a hole; else, or when that cannot be, does nothing of
    /// use and says false.
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

    /// What reads past the cache have to be aligned to; no disk has larger blocks.
    const ALIGNMENT: usize = 4096;

    #[derive(Debug, Default)]
    pub(super) struct Holes {
        /// Where the file was last found to be all hole, or all data.
        known: Range<u64>,
        is_hole: bool,
        /// The file once more, opened when first needed.
        direct: Option<File>,
        /// Neither asked nor tried any more.
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
                self.direct = again(file).ok();
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

    /// How far from `offset` on the file is of one kind, and whether that is a hole. The file has no
    /// position that anybody uses.
    fn look(file: &File, offset: u64) -> Result<(Range<u64>, bool), Errno> {
        let data = match seek(file, SeekFrom::Data(offset)) {
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => u64::MAX,
            answer => answer?,
        };
        if data > offset {
            return Ok((offset..data, true));
        }
        Ok((offset..seek(file, SeekFrom::Hole(offset))?, false))
    }

    /// By its descriptor: the name may be another file's by now.
    fn again(file: &File) -> std::io::Result<File> {
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
    fn a_sparse_file_reads_as_it_does_for_others() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // Data in the middle of a chunk, over the end of one, and behind a hole at an odd end.
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
    fn what_is_written_to_a_hole_that_is_known_is_read() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(8 * CHUNK as u64).unwrap();
        let mut source = FileSource::open(file.path()).unwrap();
        let pool = Pool::new(1, CHUNK);
        assert!(source.next_chunk(&pool).unwrap().unwrap().is_zeros());
        // Still in the cache when it is read.
        file.seek(SeekFrom::Start(4 * CHUNK as u64 + 5)).unwrap();
        file.write_all(b"written").unwrap();
        let rest = chunks(&mut source);
        assert!(rest[..3].iter().all(Chunk::is_zeros));
        assert!(matches!(&rest[3], Chunk::Data(data) if &data[5..12] == b"written"));
    }

    #[test]
    fn zeros_are_known_by_their_bytes_and_holes_by_the_file_system_too() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // Data, zeros that were written, a chunk that is a hole in part, holes, and an end that is no page.
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
