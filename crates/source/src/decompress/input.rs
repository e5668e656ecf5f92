//! The compressed input of a decoder.

use std::io::{BufRead, ErrorKind, Read};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use imgpush_digest::{Algorithm, Busy, Digests, MultiHasher};

use crate::chunk::{Chunk, Slices};
use crate::error::SourceError;
use crate::fill::copy;
use crate::pool::Pool;
use crate::source::{Source, SourceTimes};

/// The compressed bytes of a source, as a reader.
pub(super) struct Input {
    pub(super) source: Box<dyn Source>,
    /// The pool for the source; none before the first chunk is read.
    pub(super) pool: Option<Pool>,
    /// The part of the last chunk that the decoder has not consumed: the slice that it reads, and the rest.
    slice: Bytes,
    rest: Slices,
    /// Hashes the compressed bytes, if their digests are needed.
    hasher: Option<MultiHasher>,
    busy: Busy,
    /// The time spent in the source and the hasher, while the decoder waits.
    pub(super) outside: Duration,
    /// Without the time of `busy`.
    pub(super) times: SourceTimes,
    /// The error of the source, since a decoder passes on only I/O errors.
    pub(super) failure: Option<SourceError>,
}

impl Input {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Input {
            source,
            pool: None,
            slice: Bytes::new(),
            rest: Slices::default(),
            hasher: None,
            busy: Busy::default(),
            outside: Duration::ZERO,
            times: SourceTimes::default(),
            failure: None,
        }
    }

    /// Starts to hash the compressed bytes.
    pub(super) fn hash(&mut self, algorithms: &[Algorithm]) {
        if !algorithms.is_empty() {
            let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            let hasher = MultiHasher::new(algorithms.iter().copied(), threads);
            self.busy = hasher.busy();
            self.hasher = Some(hasher);
        }
    }

    pub(super) fn times(&self) -> SourceTimes {
        SourceTimes { hash: self.times.hash + self.busy.time(), ..self.times }
    }

    /// The next compressed bytes; none at the end.
    fn next(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let start = Instant::now();
        let chunk = self.source.next_chunk(pool)?;
        let read = start.elapsed();
        if let (Some(hasher), Some(chunk)) = (&mut self.hasher, &chunk) {
            chunk.slices().for_each(|slice| hasher.update(&slice));
        }
        let total = start.elapsed();
        self.outside += total;
        self.times.wait_for_hash += total - read;
        Ok(chunk)
    }

    /// The next two bytes, which stay unread; fewer at the end.
    pub(super) fn peek(&mut self) -> std::io::Result<Vec<u8>> {
        let first = self.fill_buf()?.first().copied();
        let Some(first) = first.filter(|_| self.slice.len() == 1) else {
            return Ok(self.slice.iter().take(2).copied().collect());
        };
        self.consume(1);
        let rest = self.fill_buf()?;
        let second = rest.first().copied();
        // It is rare that the two are in different slices.
        self.slice = [&[first], rest].concat().into();
        Ok(std::iter::once(first).chain(second).collect())
    }

    /// Reads the rest, which the decoder did not need, and returns the digests of all compressed bytes.
    pub(super) fn drain(&mut self) -> Result<Digests, SourceError> {
        if let (Some(pool), Some(_)) = (self.pool.clone(), &self.hasher) {
            while self.next(&pool)?.is_some() {}
        }
        Ok(self.hasher.take().map(MultiHasher::finish).unwrap_or_default())
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.slice.is_empty() {
            self.slice = self.rest.next().unwrap_or_default();
        }
        if self.slice.is_empty() {
            // Some decoders start to read when they are constructed, and continue at the next call.
            let Some(pool) = self.pool.clone() else { return Err(ErrorKind::WouldBlock.into()) };
            match self.next(&pool) {
                Ok(chunk) => {
                    self.rest = chunk.map(Chunk::into_slices).unwrap_or_default();
                    self.slice = self.rest.next().unwrap_or_default();
                }
                Err(error) => {
                    self.failure = Some(error);
                    return Err(std::io::Error::other("the source failed"));
                }
            }
        }
        Ok(&self.slice)
    }

    fn consume(&mut self, count: usize) {
        self.slice.advance(count);
        if self.slice.is_empty() {
            // Returns the buffer to the pool before the next is taken.
            self.slice = Bytes::new();
        }
    }
}

impl Read for Input {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let count = copy(self.fill_buf()?, space);
        self.consume(count);
        Ok(count)
    }
}
