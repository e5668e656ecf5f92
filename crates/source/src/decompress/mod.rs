//! Decompression of a source while it is read.
//!
//! Compressed bytes are read into a buffer of the pool, one at a time, and decompressed into others. In
//! addition a decoder needs the window of its format, whose size is limited. The complete source is
//! decompressed: concatenated members of gzip, xz, zstd and bzip2, with padding and skippable frames where the
//! formats allow them. Other data after the end is an error, as are a truncated source and a wrong checksum.
//! The exception is gzip, whose own program ignores such data; it is counted.

mod decoder;
mod gzip;
mod input;

use std::time::Instant;

use imgpush_digest::{Algorithm, Digests};

use self::decoder::{DICTIONARY_BYTES, Decoder, decoder, exceeds_memory};
use self::input::Input;
use crate::chunk::Chunk;
use crate::compression::Compression;
use crate::error::SourceError;
use crate::file_name;
use crate::fill::unfilled;
use crate::pool::Pool;
use crate::provenance::{Provenance, Published};
use crate::source::{Compressed, ReadAt, Rewind, Source, SourceTimes};
use crate::stream::ReaderSource;

/// The content of a compressed source. Its size is unknown before the end, and it has no random access.
pub struct Decompressed {
    name: String,
    file_name: Option<String>,
    stamp: Option<String>,
    compression: Compression,
    max_bytes: Option<u64>,
    decoder: Box<dyn Decoder>,
    /// Bytes decompressed so far.
    at: u64,
    /// The algorithms for the digests of the compressed bytes.
    algorithms: Vec<Algorithm>,
    /// Digests of the compressed bytes that are known before they are read.
    published: Vec<Published>,
    /// The digests of the compressed bytes, once all of them are read.
    digests: Digests,
}

impl Decompressed {
    /// Decompresses a source that has not been read.
    ///
    /// # Errors
    ///
    /// [`SourceError::Damaged`], when the decoder cannot allocate its memory; [`SourceError::Unsupported`],
    /// when the feature for this format is off.
    pub fn new(source: Box<dyn Source>, compression: Compression) -> Result<Self, SourceError> {
        let name = source.name().to_owned();
        let (file_name, stamp) = (source.file_name(), source.stamp());
        let algorithms = source.wants().to_vec();
        // A published digest of what the source itself decompresses applies to bytes two layers below.
        let published = source.published().iter().filter(|one| !one.is_compressed);
        let published = published.map(|one| Published { is_compressed: true, ..*one }).collect();
        match decoder(compression, Input::new(source)) {
            Ok(decoder) => {
                let digests = Digests::default();
                let (max_bytes, at) = (None, 0);
                Ok(Decompressed {
                    name,
                    file_name,
                    stamp,
                    compression,
                    max_bytes,
                    decoder,
                    at,
                    algorithms,
                    published,
                    digests,
                })
            }
            Err(source) if source.kind() == std::io::ErrorKind::Unsupported => {
                Err(SourceError::Unsupported { name, feature: compression.name() })
            }
            Err(source) => Err(SourceError::Damaged { name, compression, at: 0, source }),
        }
    }

    /// Limits the decompressed size, in bytes. There is no limit by default: a disk of zeros compresses ten
    /// thousand to one, so a ratio does not distinguish a decompression bomb from a disk.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Decompresses, and measures the time without the time that the decoder waits for input.
    fn fill(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let (start, before) = (Instant::now(), self.decoder.input().outside);
        let filled = self.decompress(space);
        let input = self.decoder.input();
        let outside = input.outside - before;
        input.times.decompress += start.elapsed().saturating_sub(outside);
        filled
    }

    fn decompress(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = unfilled(space, filled) {
            match self.decoder.read(rest)? {
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
        if exceeds_memory(&source) {
            return SourceError::Dictionary { name, limit: DICTIONARY_BYTES };
        }
        SourceError::Damaged { name, compression: self.compression, at: self.at, source }
    }
}

impl std::fmt::Debug for Decompressed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressed")
            .field("name", &self.name)
            .field("compression", &self.compression)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Source for Decompressed {
    fn name(&self) -> &str {
        &self.name
    }

    /// The name of the compressed file.
    fn file_name(&self) -> Option<String> {
        self.file_name.clone()
    }

    fn image_name(&self) -> Option<String> {
        self.file_name
            .as_deref()
            .map(|name| file_name::image_name(file_name::decompressed_name(name)))
    }

    fn content_name(&self) -> Option<String> {
        let name = self.file_name.as_deref()?;
        Some(file_name::decompressed_name(name).to_owned())
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn stamp(&self) -> Option<String> {
        self.stamp.clone()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
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
        if let Some(limit) = self.max_bytes.filter(|most| self.at > *most) {
            return Err(SourceError::TooLarge { name: self.name.clone(), limit });
        }
        Ok((filled > 0).then(|| Chunk::of(buffer.into_chunk(filled))))
    }

    /// None: the algorithms of the source are for its compressed bytes.
    fn wants(&self) -> &[Algorithm] {
        &[]
    }

    fn check(&mut self) -> Result<(), SourceError> {
        self.decoder.input().source.check()
    }

    /// Checks the compressed source; the decoder has already checked the end of the data.
    fn finish(&mut self, _: &Digests) -> Result<(), SourceError> {
        let ignored = self.decoder.ignored();
        if ignored > 0 {
            tracing::warn!(
                source = self.name,
                "{ignored} bytes after the compressed data were ignored"
            );
        }
        let input = self.decoder.input();
        self.digests = input.drain()?;
        input.source.finish(&self.digests)
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.decoder.source().provenance()
    }

    fn times(&mut self) -> SourceTimes {
        self.decoder.input().times()
    }

    fn published(&self) -> &[Published] {
        &self.published
    }

    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        Some(self)
    }

    /// None: a position can only be reached by decompressing everything before it.
    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        None
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.decoder.input().source.rewind().is_some().then_some(self)
    }
}

impl Compressed for Decompressed {
    fn hash(&mut self, algorithms: &[Algorithm]) {
        let new = algorithms.iter().filter(|algorithm| !self.algorithms.contains(algorithm));
        let new: Vec<_> = new.copied().collect();
        self.algorithms.extend(new);
    }

    fn digests(&self) -> &Digests {
        &self.digests
    }

    fn ignored_bytes(&self) -> u64 {
        self.decoder.ignored()
    }
}

impl Rewind for Decompressed {
    fn to_start(&mut self) -> Result<(), SourceError> {
        let input = self.decoder.input();
        input.source.rewind().expect("only then this can be rewound").to_start()?;
        let nothing = ReaderSource::new("nothing", std::io::empty());
        let mut again = Input::new(std::mem::replace(&mut input.source, Box::new(nothing)));
        again.times = input.times();
        self.decoder = decoder(self.compression, again).map_err(|e| self.failed(e))?;
        self.at = 0;
        self.digests = Digests::default();
        Ok(())
    }
}
