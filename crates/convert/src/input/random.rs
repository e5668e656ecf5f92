//! An image with random access.

use imgpush_digest::{Digests, Stream};
use imgpush_source::{Pool, Source, SourceError};

use super::access::{Input, Reuse};
use crate::error::ConvertError;

/// Reads of fewer bytes fill the window, for the small headers before each grain of a VMDK.
const SMALL_BYTES: usize = 512;

/// Bytes of the window for them.
const SMALL_WINDOW_BYTES: usize = 64 << 10;

/// Reads of at least this many bytes have a successor that is expected after them.
const LARGE_BYTES: usize = 128 << 10;

/// The distance at which the successor is still one: a table between clusters.
const MAX_GAP_BYTES: u64 = 1 << 20;

/// Buffers for the pass that verifies a checksum.
const HASH_CHUNKS: usize = 4;
const HASH_CHUNK_BYTES: usize = 256 << 10;

/// A source with random access, read where a layout says.
pub(crate) struct Random {
    source: Box<dyn Source>,
    size: u64,
    /// Bytes that are read at once where reads follow each other; 0 if requests are cheap.
    read_ahead: usize,
    /// The end of the last large read.
    expected: u64,
    /// Whether the source has verified its checksums, which covers the complete image.
    is_verified: bool,
    window: Vec<u8>,
    window_start: u64,
}

impl Random {
    /// Returns the source if it has no random access or no known size.
    pub(crate) fn new(
        mut source: Box<dyn Source>,
        read_ahead: usize,
    ) -> Result<Self, Box<dyn Source>> {
        let (Some(size), true) = (source.size(), source.random_access().is_some()) else {
            return Err(source);
        };
        let (window, window_start, expected) = (Vec::new(), 0, u64::MAX);
        let is_verified = false;
        Ok(Random { source, size, read_ahead, expected, is_verified, window, window_start })
    }

    /// Hashes the complete image if the source has to verify a checksum. Reads at any offset hash nothing, and
    /// a pass at the end would delay it: a service that waits for the rest of an upload disconnects.
    pub(crate) fn verify(&mut self) -> Result<(), SourceError> {
        let wants = self.source.wants().to_vec();
        if wants.is_empty() {
            return Ok(());
        }
        let mut hasher = Stream::new(wants);
        let pool = Pool::new(HASH_CHUNKS, HASH_CHUNK_BYTES);
        while let Some(chunk) = self.source.next_chunk(&pool)? {
            chunk.slices().for_each(|slice| hasher.update(&slice));
        }
        self.source.finish(&hasher.finish())?;
        self.is_verified = true;
        Ok(())
    }

    fn read_source(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, ConvertError> {
        // A length that changed is found by `check` at the end, and never read as zeros.
        match self.source.random_access() {
            Some(access) => Ok(access.read_at(offset, space)?),
            None => Err(SourceError::Read {
                name: self.source.name().to_owned(),
                at: offset,
                source: std::io::ErrorKind::NotSeekable.into(),
            }
            .into()),
        }
    }

    /// The number of bytes to read into the window for a read of `length` bytes; none for a direct read.
    fn window_bytes(&self, offset: u64, length: usize) -> Option<usize> {
        let is_next = offset.checked_sub(self.expected).is_some_and(|gap| gap <= MAX_GAP_BYTES);
        if is_next && length < self.read_ahead {
            Some(self.read_ahead)
        } else if length < SMALL_BYTES {
            Some(SMALL_WINDOW_BYTES)
        } else {
            None
        }
    }

    /// Copies bytes of the window from `offset` on.
    fn copy_window(&self, offset: u64, space: &mut [u8]) -> usize {
        let start = offset.checked_sub(self.window_start).and_then(|n| usize::try_from(n).ok());
        let held = start.and_then(|start| self.window.get(start..)).unwrap_or_default();
        let count = held.len().min(space.len());
        if let (Some(to), Some(from)) = (space.get_mut(..count), held.get(..count)) {
            to.copy_from_slice(from);
        }
        count
    }

    fn fill_window(&mut self, offset: u64, length: usize) -> Result<(), ConvertError> {
        let mut window = std::mem::take(&mut self.window);
        window.resize(length, 0);
        let count = self.read_source(offset, &mut window)?;
        window.truncate(count);
        self.window = window;
        self.window_start = offset;
        Ok(())
    }
}

impl Input for Random {
    fn read(&mut self, offset: u64, space: &mut [u8], _: Reuse) -> Result<usize, ConvertError> {
        let count = self.copy_window(offset, space);
        let rest = space.get_mut(count..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(count);
        }
        let at = offset.saturating_add(count as u64);
        let length = rest.len();
        let window = self.window_bytes(at, length);
        if window.unwrap_or(length) >= LARGE_BYTES {
            self.expected = at.saturating_add(window.unwrap_or(length) as u64);
        }
        match window {
            Some(window) => {
                self.fill_window(at, window)?;
                Ok(count + self.copy_window(at, rest))
            }
            None => Ok(count + self.read_source(at, rest)?),
        }
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn source(&self) -> &dyn Source {
        &*self.source
    }

    fn source_mut(&mut self) -> &mut dyn Source {
        &mut *self.source
    }

    /// Reads at any offset need no rewinding, which would discard a verification.
    fn to_start(&mut self) -> Result<(), ConvertError> {
        self.window.clear();
        match self.source.rewind() {
            Some(source) if !self.is_verified => Ok(source.to_start()?),
            _ => Ok(self.source.check()?),
        }
    }

    /// A verified source must only be unchanged since then.
    fn finish(&mut self) -> Result<(), SourceError> {
        if self.is_verified { self.source.check() } else { self.source.finish(&Digests::default()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use imgpush_source::{BytesSource, Chunk, ReadAt, Rewind};

    use super::*;

    /// A source that records its requests.
    struct Recorded(BytesSource, Arc<Mutex<Vec<(u64, usize)>>>);

    impl Source for Recorded {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn size(&self) -> Option<u64> {
            self.0.size()
        }

        fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
            self.0.next_chunk(pool)
        }

        fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
            Some(self)
        }

        fn rewind(&mut self) -> Option<&mut dyn Rewind> {
            self.0.rewind()
        }
    }

    impl ReadAt for Recorded {
        fn read_at(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError> {
            self.1.lock().unwrap().push((offset, space.len()));
            self.0.read_at(offset, space)
        }
    }

    #[test]
    fn reads_that_follow_each_other_become_few_requests() {
        let data: Vec<u8> = (0..12 << 20).map(|n: u32| (n % 251) as u8).collect();
        for (read_ahead, requests) in [(0, 44), (4 << 20, 5)] {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let source = BytesSource::new("a disk", data.clone());
            let source = Box::new(Recorded(source, Arc::clone(&seen)));
            let mut random = Random::new(source, read_ahead).ok().unwrap();
            let mut space = vec![0; 256 << 10];
            // With tables between, which are read before the clusters after them.
            for at in (0..11u64 << 20).step_by(256 << 10) {
                let (start, end) = (at as usize, at as usize + space.len());
                assert_eq!(random.read(at, &mut space, Reuse::None).unwrap(), space.len());
                assert!(space == data[start..end], "{at}");
            }
            let seen = seen.lock().unwrap().len();
            assert!(seen <= requests, "{read_ahead}: {seen} requests");
        }
    }

    #[test]
    fn small_reads_share_a_request_and_end_with_the_image() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let source = BytesSource::new("a disk", vec![7; 100_000]);
        let source = Box::new(Recorded(source, Arc::clone(&seen)));
        let mut random = Random::new(source, 0).ok().unwrap();
        let mut space = [0; 12];
        for at in [0, 1000, 60_000] {
            assert_eq!(random.read(at, &mut space, Reuse::Edges).unwrap(), 12);
        }
        assert_eq!(seen.lock().unwrap().len(), 1);
        assert_eq!(random.read(99_995, &mut space, Reuse::Edges).unwrap(), 5);
        assert_eq!(random.read(100_000, &mut space, Reuse::Edges).unwrap(), 0);
        assert_eq!(random.read(u64::MAX, &mut space, Reuse::Edges).unwrap(), 0);
    }
}
