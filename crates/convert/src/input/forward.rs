//! An image that is read once from start to end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use imgpush_digest::{Digests, Stream};
use imgpush_source::{Chunk, Pool, Source, SourceError, is_zero};

use super::access::{Input, Reuse};
use super::held::Held;
use crate::error::ConvertError;

const SECTOR: u64 = 512;

/// Buffers for the source, which may need two at a time to decompress.
const CHUNKS: usize = 4;
const CHUNK_BYTES: usize = 256 << 10;

/// A source without random access. What is needed later is held, up to a limit, and then in a file.
pub(crate) struct Forward {
    source: Box<dyn Source>,
    limit: u64,
    spool_folder: Option<PathBuf>,
    pool: Pool,
    /// The offset of the next byte of the stream.
    at: u64,
    /// Bytes that were read from the source, but not passed.
    chunk: Option<Chunk>,
    is_ended: bool,
    held: Held,
    spool: Option<Spool>,
    /// Whether this pass has needed the spool.
    has_spooled: bool,
    hasher: Option<Stream>,
}

/// A temporary file with everything since the limit was exceeded.
struct Spool {
    file: File,
    folder: PathBuf,
    /// The offset of its first byte in the stream.
    start: u64,
}

impl Forward {
    pub(crate) fn new(source: Box<dyn Source>, limit: u64, spool_folder: Option<PathBuf>) -> Self {
        Forward {
            hasher: hasher(&*source),
            source,
            limit,
            spool_folder,
            pool: Pool::new(CHUNKS, CHUNK_BYTES),
            at: 0,
            chunk: None,
            is_ended: false,
            held: Held::default(),
            spool: None,
            has_spooled: false,
        }
    }

    /// Makes bytes of the stream available; false at its end.
    fn fetch(&mut self) -> Result<bool, SourceError> {
        while self.chunk.as_ref().is_none_or(Chunk::is_empty) {
            if self.is_ended {
                return Ok(false);
            }
            self.chunk = None;
            match self.source.next_chunk(&self.pool)? {
                Some(chunk) => {
                    if let Some(hasher) = &mut self.hasher {
                        chunk.slices().for_each(|slice| hasher.update(&slice));
                    }
                    self.chunk = Some(chunk);
                }
                None => self.is_ended = true,
            }
        }
        Ok(true)
    }

    /// Holds everything before `offset`, or less if the stream ends.
    fn pass(&mut self, offset: u64) -> Result<(), ConvertError> {
        while self.at < offset && self.fetch()? {
            let most = usize::try_from(offset - self.at).unwrap_or(usize::MAX);
            let Some(piece) = self.chunk.as_mut().and_then(|chunk| chunk.next_slice(most)) else {
                continue;
            };
            if self.spool.is_none() {
                self.held.insert(self.at, &piece);
            }
            self.passed(&piece)?;
            self.keep_limit(offset)?;
        }
        Ok(())
    }

    /// Counts bytes as passed, and writes them to the spool if there is one.
    fn passed(&mut self, piece: &[u8]) -> Result<(), ConvertError> {
        if let Some(spool) = &mut self.spool {
            spool.write(self.at, piece)?;
        }
        self.at += piece.len() as u64;
        Ok(())
    }

    /// Starts the spool when too much is held.
    fn keep_limit(&mut self, wanted: u64) -> Result<(), ConvertError> {
        if self.spool.is_some() || self.held.cost() <= self.limit {
            return Ok(());
        }
        let Some(folder) = &self.spool_folder else {
            return Err(ConvertError::OutOfOrder { at: wanted, limit: self.limit });
        };
        let folder = folder.clone();
        let file = match tempfile::tempfile_in(&folder) {
            Ok(file) => file,
            Err(source) => return Err(ConvertError::Spool { folder, at: 0, source }),
        };
        self.spool = Some(Spool { file, folder, start: self.at });
        self.has_spooled = true;
        Ok(())
    }

    /// Copies bytes that were passed.
    fn copy_passed(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, ConvertError> {
        let most = usize::try_from(self.at - offset).unwrap_or(usize::MAX).min(space.len());
        let space = space.get_mut(..most).unwrap_or_default();
        if let Some(spool) = self.spool.as_mut().filter(|spool| spool.start <= offset) {
            spool.read(offset, space)?;
            return Ok(most);
        }
        let before = self.spool.as_ref().map_or(u64::MAX, |spool| spool.start - offset);
        let most = usize::try_from(before).unwrap_or(usize::MAX).min(space.len());
        match self.held.copy(offset, space.get_mut(..most).unwrap_or_default()) {
            0 => Err(ConvertError::OutOfOrder { at: offset, limit: self.limit }),
            count => Ok(count),
        }
    }

    /// Takes bytes of the stream for `space`; those that may be needed again are held.
    fn take(
        &mut self,
        space: &mut [u8],
        part: std::ops::Range<u64>,
        reuse: Reuse,
    ) -> Result<usize, ConvertError> {
        if !self.fetch()? {
            return Ok(0);
        }
        let piece = self.chunk.as_mut().and_then(|chunk| chunk.next_slice(space.len().max(1)));
        let Some(piece) = piece else { return Ok(0) };
        if let Some(space) = space.get_mut(..piece.len()) {
            space.copy_from_slice(&piece);
        }
        if self.spool.is_none() {
            for kept in kept(self.at..self.at + piece.len() as u64, &part, reuse) {
                let start = usize::try_from(kept.start - self.at).unwrap_or(usize::MAX);
                let end = usize::try_from(kept.end - self.at).unwrap_or(usize::MAX);
                self.held.insert(kept.start, piece.get(start..end).unwrap_or_default());
            }
        }
        self.passed(&piece)?;
        Ok(piece.len())
    }
}

/// The ranges of a piece that are held: all of it, or its share of the incomplete sectors of the part.
fn kept(
    piece: std::ops::Range<u64>,
    part: &std::ops::Range<u64>,
    reuse: Reuse,
) -> Vec<std::ops::Range<u64>> {
    if reuse == Reuse::Any {
        return vec![piece];
    }
    let end = if reuse == Reuse::Edges { part.end.saturating_sub(1) } else { part.end };
    let (first, last) = (part.start.next_multiple_of(SECTOR), end / SECTOR * SECTOR);
    let ranges = if last < first {
        // Within one sector.
        vec![piece]
    } else {
        vec![piece.start..piece.end.min(first), piece.start.max(last)..piece.end]
    };
    ranges.into_iter().filter(|range| range.start < range.end).collect()
}

fn hasher(source: &dyn Source) -> Option<Stream> {
    let wants = source.wants();
    (!wants.is_empty()).then(|| Stream::new(wants.iter().copied()))
}

impl Spool {
    fn write(&mut self, offset: u64, piece: &[u8]) -> Result<(), ConvertError> {
        // Zeros are holes of the file.
        if is_zero(piece) {
            return Ok(());
        }
        let at = offset - self.start;
        let written = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.write_all(piece));
        written.map_err(|source| self.failed(at, source))
    }

    fn read(&mut self, offset: u64, space: &mut [u8]) -> Result<(), ConvertError> {
        let at = offset - self.start;
        self.file.seek(SeekFrom::Start(at)).map_err(|source| self.failed(at, source))?;
        let mut filled = 0;
        while let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                // Zeros at the end were not written.
                Ok(0) => {
                    rest.fill(0);
                    break;
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(at, error)),
            }
        }
        Ok(())
    }

    fn failed(&self, at: u64, source: std::io::Error) -> ConvertError {
        ConvertError::Spool { folder: self.folder.clone(), at, source }
    }
}

impl Input for Forward {
    fn read(&mut self, offset: u64, space: &mut [u8], reuse: Reuse) -> Result<usize, ConvertError> {
        let part = offset..offset.saturating_add(space.len() as u64);
        let mut filled = 0;
        while let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(filled as u64);
            if at > self.at {
                self.pass(at)?;
            }
            let count = if at < self.at {
                self.copy_passed(at, rest)?
            } else if at == self.at {
                self.take(rest, part.clone(), reuse)?
            } else {
                0
            };
            if count == 0 {
                break;
            }
            filled += count;
        }
        if reuse != Reuse::Any {
            self.held.release(offset, filled as u64, reuse == Reuse::Edges);
        }
        // Headers and ends of clusters that were taken count, too.
        self.keep_limit(part.end)?;
        Ok(filled)
    }

    fn size(&self) -> Option<u64> {
        if self.is_ended { Some(self.at) } else { self.source.size() }
    }

    fn source(&self) -> &dyn Source {
        &*self.source
    }

    fn source_mut(&mut self) -> &mut dyn Source {
        &mut *self.source
    }

    fn to_start(&mut self) -> Result<(), ConvertError> {
        if let Some(source) = self.source.rewind() {
            source.to_start()?;
        }
        self.hasher = hasher(&*self.source);
        self.at = 0;
        self.chunk = None;
        self.is_ended = false;
        self.held = Held::default();
        self.spool = None;
        self.has_spooled = false;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        self.chunk = None;
        while self.fetch()? {
            self.chunk = None;
        }
        // Nothing is read any more; the image may still be needed for its name.
        self.held = Held::default();
        self.spool = None;
        let digests = self.hasher.take().map_or_else(Digests::default, Stream::finish);
        self.source.finish(&digests)
    }

    fn is_spooled(&self) -> bool {
        self.has_spooled
    }
}

#[cfg(test)]
mod tests {
    use imgpush_source::ReaderSource;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Data with runs of zeros.
    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|n| if n / 5000 % 3 == 1 { 0 } else { (n * n / 11 % 255) as u8 }).collect()
    }

    /// A reader with pieces of these lengths, again and again.
    struct Cut {
        data: std::io::Cursor<Vec<u8>>,
        lengths: Vec<usize>,
        next: usize,
    }

    impl std::io::Read for Cut {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            let length = self.lengths[self.next % self.lengths.len()].min(space.len());
            self.next += 1;
            self.data.read(&mut space[..length])
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Parts that cover the stream are read in another order: each one has its bytes.
        #[test]
        fn parts_in_any_order_have_their_bytes(
            cuts in vec(1..9000usize, 1..6),
            lengths in vec(1..20_000u64, 1..40),
            order in vec(0..4usize, 40),
            reuse in vec(0..3usize, 40),
            limit in prop_oneof![Just(u64::MAX), Just(0)],
        ) {
            let length = lengths.iter().sum::<u64>();
            let data = data(usize::try_from(length).unwrap());
            let cursor = std::io::Cursor::new(data.clone());
            let cut = Cut { data: cursor, lengths: cuts, next: 0 };
            let folder = tempfile::tempdir().unwrap();
            let source = Box::new(ReaderSource::new("a pipe", cut));
            let mut input = Forward::new(source, limit, Some(folder.path().to_owned()));
            let starts = lengths.iter().scan(0, |at, length| {
                *at += length;
                Some(*at - length)
            });
            let mut parts: Vec<_> = starts.zip(lengths.iter().copied()).collect();
            for (n, by) in order.iter().enumerate().take(parts.len()) {
                let other = (n + by).min(parts.len() - 1);
                parts.swap(n, other);
            }
            for (n, (start, length)) in parts.into_iter().enumerate() {
                let reuse = [Reuse::Any, Reuse::Edges, Reuse::None][reuse[n]];
                let mut space = vec![1; usize::try_from(length).unwrap()];
                let count = input.read(start, &mut space, reuse).unwrap();
                prop_assert_eq!(count as u64, length);
                let start = usize::try_from(start).unwrap();
                prop_assert!(space == data[start..start + count]);
            }
            prop_assert_eq!(input.is_spooled(), limit == 0);
            let mut end = [0; 10];
            prop_assert_eq!(input.read(length, &mut end, Reuse::None).unwrap(), 0);
        }
    }
}
