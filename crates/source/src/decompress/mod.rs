//! A packed source, unpacked on the way.
//!
//! Compressed bytes come in buffers of the pool, one at a time, and unpacked ones go into others; beside them
//! stands only what the format needs to look back, which is bounded. All of a source is unpacked: the
//! members that gzip, xz, zstd and bzip2 let one put behind each other, and padding and frames to be
//! passed over as their formats say. Whatever else is behind the end is an error, as is an end in the
//! middle or a checksum that differs.

mod decoder;
mod input;

use std::time::Instant;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Digests};

use self::decoder::{DICTIONARY_BYTES, Decoder, decoder, is_too_hungry};
use self::input::Input;
use crate::compression::Compression;
use crate::error::SourceError;
use crate::file_name;
use crate::pool::Pool;
use crate::reader::ReaderSource;
use crate::source::{Compressed, Rewind, Source, SourceTimes};

/// The bytes that a packed source stands for. How many there will be is not known before the end, and
/// there are no others than the next.
pub struct Decompressed {
    name: String,
    file_name: Option<String>,
    stamp: Option<String>,
    compression: Compression,
    max_bytes: Option<u64>,
    decoder: Box<dyn Decoder>,
    /// Bytes unpacked.
    at: u64,
    /// What the packed bytes are hashed by.
    algorithms: Vec<Algorithm>,
    /// The digests of the packed bytes, once all are read.
    digests: Digests,
}

impl Decompressed {
    /// Unpacks a source that is at its start.
    ///
    /// # Errors
    ///
    /// [`SourceError::Damaged`], when there is no memory for it.
    pub fn new(source: Box<dyn Source>, compression: Compression) -> Result<Self, SourceError> {
        let name = source.name().to_owned();
        let (file_name, stamp) = (source.file_name(), source.stamp());
        let algorithms = source.wants().to_vec();
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
                    digests,
                })
            }
            Err(source) if source.kind() == std::io::ErrorKind::Unsupported => {
                Err(SourceError::Unsupported { name, feature: compression.name() })
            }
            Err(source) => Err(SourceError::Damaged { name, compression, at: 0, source }),
        }
    }

    /// Makes it an error to be larger. Without it there is no limit: a disk of zeros packs ten thousand
    /// to one, so no ratio tells a bomb from a disk.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
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

impl Source for Decompressed {
    fn name(&self) -> &str {
        &self.name
    }

    /// The one of the packed file.
    fn file_name(&self) -> Option<String> {
        self.file_name.clone()
    }

    fn image_name(&self) -> Option<String> {
        self.file_name.as_deref().map(|name| file_name::image_name(file_name::unpacked_name(name)))
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
        if let Some(limit) = self.max_bytes.filter(|most| self.at > *most) {
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

    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        Some(self)
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
}

impl Rewind for Decompressed {
    fn to_start(&mut self) -> Result<(), SourceError> {
        let input = self.decoder.input();
        input.source.rewind().expect("the source has a way back, or this has none").to_start()?;
        let nothing = ReaderSource::new("nothing", std::io::empty());
        let mut again = Input::new(std::mem::replace(&mut input.source, Box::new(nothing)));
        again.times = input.times();
        self.decoder = decoder(self.compression, again).map_err(|e| self.failed(e))?;
        self.at = 0;
        self.digests = Digests::default();
        Ok(())
    }
}
