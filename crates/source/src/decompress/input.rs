//! The compressed bytes, for a decoder.

use std::io::{BufRead, ErrorKind, Read};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use imgpush_digest::{Algorithm, Busy, Digests, MultiHasher};

use crate::error::SourceError;
use crate::pool::Pool;
use crate::source::{Source, SourceTimes};

/// The packed bytes, for a decoder.
pub(super) struct Input {
    pub(super) source: Box<dyn Source>,
    /// What the source takes buffers from; none before the first chunk is asked for.
    pub(super) pool: Option<Pool>,
    /// What the source gave and the decoder has not taken.
    chunk: Bytes,
    /// Takes the packed bytes, where somebody wants their digests.
    hasher: Option<MultiHasher>,
    busy: Busy,
    /// What the source and the hasher have taken: all that a decoder waits for.
    pub(super) outside: Duration,
    /// Without what `busy` says.
    pub(super) times: SourceTimes,
    /// Why the source failed, since a decoder can only say that it did.
    pub(super) failure: Option<SourceError>,
}

impl Input {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Input {
            source,
            pool: None,
            chunk: Bytes::new(),
            hasher: None,
            busy: Busy::default(),
            outside: Duration::ZERO,
            times: SourceTimes::default(),
            failure: None,
        }
    }

    /// Has the packed bytes hashed.
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

    /// The next packed bytes; none at the end.
    fn next(&mut self, pool: &Pool) -> Result<Option<Bytes>, SourceError> {
        let start = Instant::now();
        let chunk = self.source.next_chunk(pool)?;
        let read = start.elapsed();
        if let (Some(hasher), Some(chunk)) = (&mut self.hasher, &chunk) {
            hasher.update(chunk);
        }
        let whole = start.elapsed();
        self.outside += whole;
        self.times.wait_for_hash += whole - read;
        Ok(chunk)
    }

    /// The digests of all packed bytes, also of those that the decoder had no use for.
    pub(super) fn drain(&mut self) -> Result<Digests, SourceError> {
        if let (Some(pool), Some(_)) = (self.pool.clone(), &self.hasher) {
            while self.next(&pool)?.is_some() {}
        }
        Ok(self.hasher.take().map(MultiHasher::finish).unwrap_or_default())
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.chunk.is_empty() {
            // Some decoders begin to read when they are made, and go on when they are asked again.
            let Some(pool) = self.pool.clone() else { return Err(ErrorKind::WouldBlock.into()) };
            match self.next(&pool) {
                Ok(chunk) => self.chunk = chunk.unwrap_or_default(),
                Err(error) => {
                    self.failure = Some(error);
                    return Err(std::io::Error::other("the source failed"));
                }
            }
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, count: usize) {
        self.chunk.advance(count);
        if self.chunk.is_empty() {
            // Gives the buffer back before the next is asked for.
            self.chunk = Bytes::new();
        }
    }
}

impl Read for Input {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let chunk = self.fill_buf()?;
        let count = chunk.len().min(space.len());
        space[..count].copy_from_slice(&chunk[..count]);
        self.consume(count);
        Ok(count)
    }
}
