//! A packed source, unpacked on the way.
//!
//! Packed bytes come in buffers of the pool, one at a time, and unpacked ones go into others; beside them
//! stands only what the format needs to look back, which is bounded. All of a source is unpacked: the
//! members that gzip, xz, zstd and bzip2 let one put behind each other, and padding and frames to be
//! passed over as their formats say. Whatever else is behind the end is an error, as is an end in the
//! middle or a checksum that differs.

use std::io::{BufRead, ErrorKind, Read};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use imgpush_digest::{Algorithm, Busy, Digests, MultiHasher};
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Error as XzError, Stream, TELL_UNSUPPORTED_CHECK};
use zstd::stream::read::Decoder as ZstdDecoder;

use super::{Packed, Packing, ReaderSource, Rewind, Source, SourceTimes, name};
use crate::SourceError;
use crate::pool::Pool;

/// The most that unpacking may look back over.
///
/// What zstd unpacks without being told otherwise, and twice what `xz -9` needs. It comes on top of the
/// memory budget: most files need 8 MiB.
const DICTIONARY_BYTES: u64 = 1 << DICTIONARY_LOG;
const DICTIONARY_LOG: u32 = 27;
/// What xz needs beside the dictionary.
const XZ_BYTES: u64 = 1 << 20;

/// The bytes that a packed source stands for. How many there will be is not known before the end, and
/// there are no others than the next.
pub struct Unpacked {
    name: String,
    file_name: Option<String>,
    stamp: Option<String>,
    packing: Packing,
    most_bytes: Option<u64>,
    decoder: Box<dyn Decoder>,
    /// Bytes unpacked.
    at: u64,
    /// What the packed bytes are hashed by.
    algorithms: Vec<Algorithm>,
    /// The digests of the packed bytes, once all are read.
    digests: Digests,
}

impl Unpacked {
    /// Unpacks a source that is at its start.
    ///
    /// # Errors
    ///
    /// [`SourceError::Damaged`], when there is no memory for it.
    pub fn new(source: Box<dyn Source>, packing: Packing) -> Result<Self, SourceError> {
        let name = source.name().to_owned();
        let (file_name, stamp) = (source.file_name(), source.stamp());
        let algorithms = source.wants().to_vec();
        match decoder(packing, Input::new(source)) {
            Ok(decoder) => {
                let digests = Digests::default();
                let (most_bytes, at) = (None, 0);
                Ok(Unpacked {
                    name,
                    file_name,
                    stamp,
                    packing,
                    most_bytes,
                    decoder,
                    at,
                    algorithms,
                    digests,
                })
            }
            Err(source) => Err(SourceError::Damaged { name, packing, at: 0, source }),
        }
    }

    /// Makes it an error to be larger. Without it there is no limit: a disk of zeros packs ten thousand
    /// to one, so no ratio tells a bomb from a disk.
    #[must_use]
    pub fn with_most_bytes(mut self, bytes: u64) -> Self {
        self.most_bytes = Some(bytes);
        self
    }

    /// Unpacks, and measures that: what the decoder waits for meanwhile is not its time.
    fn fill(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let (start, before) = (Instant::now(), self.decoder.input().outside);
        let filled = self.unpack(space);
        let input = self.decoder.input();
        let outside = input.outside - before;
        input.times.decompress += start.elapsed().saturating_sub(outside);
        filled
    }

    fn unpack(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < space.len() {
            match self.decoder.read(&mut space[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    fn failed(&mut self, source: std::io::Error) -> SourceError {
        if let Some(error) = self.decoder.input().failure.take() {
            return error;
        }
        let name = self.name.clone();
        if is_too_hungry(&source) {
            return SourceError::Dictionary { name, limit: DICTIONARY_BYTES };
        }
        SourceError::Damaged { name, packing: self.packing, at: self.at, source }
    }
}

impl std::fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacked")
            .field("name", &self.name)
            .field("packing", &self.packing)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Source for Unpacked {
    fn name(&self) -> &str {
        &self.name
    }

    /// The one of the packed file.
    fn file_name(&self) -> Option<String> {
        self.file_name.clone()
    }

    fn image_name(&self) -> Option<String> {
        self.file_name.as_deref().map(|name| name::image_name(name::unpacked_name(name)))
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn stamp(&self) -> Option<String> {
        self.stamp.clone()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Bytes>, SourceError> {
        let input = self.decoder.input();
        if input.pool.replace(pool.clone()).is_none() {
            input.hash(&self.algorithms);
        }
        let mut buffer = pool.take().map_err(|source| SourceError::Read {
            name: self.name.clone(),
            at: self.at,
            source,
        })?;
        let filled = self.fill(buffer.space()).map_err(|error| self.failed(error))?;
        self.at += filled as u64;
        if let Some(limit) = self.most_bytes.filter(|most| self.at > *most) {
            return Err(SourceError::TooLarge { name: self.name.clone(), limit });
        }
        Ok((filled > 0).then(|| buffer.into_chunk(filled)))
    }

    fn check(&mut self) -> Result<(), SourceError> {
        self.decoder.input().source.check()
    }

    /// That it ended where it should is known already; the packed source has its word, too.
    fn finish(&mut self, _: &Digests) -> Result<(), SourceError> {
        let input = self.decoder.input();
        self.digests = input.drain()?;
        input.source.finish(&self.digests)
    }

    fn times(&mut self) -> SourceTimes {
        self.decoder.input().times()
    }

    fn packed(&mut self) -> Option<&mut dyn Packed> {
        Some(self)
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.decoder.input().source.rewind().is_some().then_some(self)
    }
}

impl Packed for Unpacked {
    fn hash(&mut self, algorithms: &[Algorithm]) {
        let new = algorithms.iter().filter(|algorithm| !self.algorithms.contains(algorithm));
        let new: Vec<_> = new.copied().collect();
        self.algorithms.extend(new);
    }

    fn digests(&self) -> &Digests {
        &self.digests
    }
}

impl Rewind for Unpacked {
    fn to_start(&mut self) -> Result<(), SourceError> {
        let input = self.decoder.input();
        input.source.rewind().expect("the source has a way back, or this has none").to_start()?;
        let nothing = ReaderSource::new("nothing", std::io::empty());
        let mut again = Input::new(std::mem::replace(&mut input.source, Box::new(nothing)));
        again.times = input.times();
        self.decoder = decoder(self.packing, again).map_err(|e| self.failed(e))?;
        self.at = 0;
        self.digests = Digests::default();
        Ok(())
    }
}

/// Gives unpacked bytes, and has the packed ones.
trait Decoder: Read + Send {
    fn input(&mut self) -> &mut Input;
}

impl Decoder for MultiGzDecoder<Input> {
    fn input(&mut self) -> &mut Input {
        self.get_mut()
    }
}

impl Decoder for XzDecoder<Input> {
    fn input(&mut self) -> &mut Input {
        self.get_mut()
    }
}

impl Decoder for ZstdDecoder<'static, Input> {
    fn input(&mut self) -> &mut Input {
        self.get_mut()
    }
}

impl Decoder for MultiBzDecoder<Input> {
    fn input(&mut self) -> &mut Input {
        self.get_mut()
    }
}

fn decoder(packing: Packing, input: Input) -> std::io::Result<Box<dyn Decoder>> {
    Ok(match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(input)),
        Packing::Xz => {
            let flags = CONCATENATED | TELL_UNSUPPORTED_CHECK;
            let stream = Stream::new_stream_decoder(DICTIONARY_BYTES + XZ_BYTES, flags)?;
            Box::new(XzDecoder::new_stream(input, stream))
        }
        Packing::Zstd => {
            let mut decoder = ZstdDecoder::with_buffer(input)?;
            decoder.window_log_max(DICTIONARY_LOG)?;
            Box::new(decoder)
        }
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(input)),
    })
}

/// Whether a format wants to look back further than it may.
fn is_too_hungry(error: &std::io::Error) -> bool {
    let xz = error.get_ref().and_then(|inner| inner.downcast_ref::<XzError>());
    // zstd's crate has no other word for it.
    xz == Some(&XzError::MemLimit) || error.to_string().contains("too much memory")
}

/// The packed bytes, for a decoder.
struct Input {
    source: Box<dyn Source>,
    /// What the source takes buffers from; none before the first chunk is asked for.
    pool: Option<Pool>,
    /// What the source gave and the decoder has not taken.
    chunk: Bytes,
    /// Takes the packed bytes, where somebody wants their digests.
    hasher: Option<MultiHasher>,
    busy: Busy,
    /// What the source and the hasher have taken: all that a decoder waits for.
    outside: Duration,
    /// Without what `busy` says.
    times: SourceTimes,
    /// Why the source failed, since a decoder can only say that it did.
    failure: Option<SourceError>,
}

impl Input {
    fn new(source: Box<dyn Source>) -> Self {
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
    fn hash(&mut self, algorithms: &[Algorithm]) {
        if !algorithms.is_empty() {
            let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            let hasher = MultiHasher::new(algorithms.iter().copied(), threads);
            self.busy = hasher.busy();
            self.hasher = Some(hasher);
        }
    }

    fn times(&self) -> SourceTimes {
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
    fn drain(&mut self) -> Result<Digests, SourceError> {
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
