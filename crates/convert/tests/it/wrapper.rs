//! What a conversion takes from its source, and promises to its consumer.

use std::io::Read as _;

use imgpush_convert::{Converted, ReadOptions};
use imgpush_digest::{Algorithm, Digests, hash};
use imgpush_source::bytes::Bytes;
use imgpush_source::{
    BytesSource, Chunk, CustomError, ErrorKind, Pool, ReadAt, ReaderSource, Rewind, Source,
    SourceError,
};

use crate::raw;

/// A VDI of 8 MiB whose blocks are stored in this order.
fn vdi(blocks: &[u32]) -> (Vec<u8>, Vec<u8>) {
    let mut image = vec![0; 1024];
    let count = blocks.len() as u32;
    for (at, value) in [
        (0x40, 0xbeda_107f_u32),
        (0x44, 0x1_0001),
        (0x48, 0x180),
        (0x4c, 1),
        (0x154, 512),
        (0x158, 1024),
        (0x168, 512),
        (0x170, count << 20),
        (0x178, 1 << 20),
        (0x180, count),
        (0x184, count),
    ] {
        image[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    for (n, block) in blocks.iter().enumerate() {
        image[512 + 4 * n..516 + 4 * n].copy_from_slice(&block.to_le_bytes());
    }
    let data = |n: u32| (0..1 << 20).map(move |at: u32| (at.wrapping_mul(at) >> 7) as u8 ^ n as u8);
    image.extend((0..count).flat_map(data));
    let disk = blocks.iter().flat_map(|block| data(*block)).collect();
    (image, disk)
}

/// A source that verifies a checksum at its end, as a published one.
struct Verified {
    source: Box<dyn Source>,
    expected: imgpush_digest::Digest,
}

impl Source for Verified {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn size(&self) -> Option<u64> {
        self.source.size()
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.source.next_chunk(pool)
    }

    fn wants(&self) -> &[Algorithm] {
        &[Algorithm::Sha256]
    }

    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        self.source.random_access()
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.source.rewind()
    }

    fn finish(&mut self, digests: &Digests) -> Result<(), SourceError> {
        if digests.get(Algorithm::Sha256) == Some(&self.expected) {
            return Ok(());
        }
        Err(CustomError::new("a pipe", "another checksum")
            .with_kind(ErrorKind::SourceDiffers)
            .into())
    }
}

#[test]
fn the_checksum_of_the_complete_image_is_verified() {
    let (mut image, disk) = vdi(&[2, 0, 1, 3]);
    image.extend(b"after the last block");
    let expected = hash(Algorithm::Sha256, &image);
    let access = ReadOptions::default();
    let one_pass = access.clone().with_one_pass(true);
    for is_changed in [false, true] {
        if is_changed {
            // The disk does not contain it.
            *image.last_mut().unwrap() ^= 1;
        }
        let pipe = || {
            let image = std::io::Cursor::new(Bytes::from(image.clone()));
            Box::new(ReaderSource::new("a pipe", image)) as Box<dyn Source>
        };
        let file = || Box::new(BytesSource::new("a file", image.clone())) as Box<dyn Source>;
        for (source, options) in [(pipe(), &access), (file(), &access), (file(), &one_pass)] {
            let can_rewind = source.size().is_some();
            let source = Box::new(Verified { source, expected });
            let converted = raw::converted(source, options);
            let mut converted = match converted {
                Ok(converted) => converted,
                Err(error) => {
                    assert!(is_changed && can_rewind && !options.one_pass);
                    assert_eq!(error.kind(), ErrorKind::SourceDiffers);
                    continue;
                }
            };
            for _ in 0..1 + u8::from(can_rewind) {
                match raw::read(&mut converted, &Pool::new(4, 1 << 20)) {
                    Ok(bytes) => assert!(bytes == disk && !is_changed),
                    Err(error) => {
                        assert!(is_changed);
                        assert_eq!(error.kind(), ErrorKind::SourceDiffers);
                    }
                }
                if let Some(converted) = converted.rewind() {
                    converted.to_start().unwrap();
                }
            }
        }
    }
}

/// A reader whose connection fails.
struct Failing;

impl std::io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}

#[test]
fn an_error_of_the_source_stays_its_own() {
    let (image, _) = vdi(&[0, 1, 2, 3]);
    let start = std::io::Cursor::new(Bytes::from(image).slice(..2_000_000));
    let source = ReaderSource::new("a pipe", start.chain(Failing));
    let mut disk = raw::converted(Box::new(source), &ReadOptions::default()).unwrap();
    let error = raw::read(&mut disk, &Pool::new(4, 1 << 20)).unwrap_err();
    assert!(matches!(&error, SourceError::Read { .. }) && error.is_transient(), "{error:?}");
    // It does not continue after an error.
    assert!(disk.next_chunk(&Pool::new(4, 1 << 20)).is_err());
}

#[test]
fn a_consumer_may_keep_all_buffers_of_the_pool_but_one() {
    let (image, disk) = vdi(&[3, 2, 1, 0]);
    let source = Box::new(BytesSource::new("a disk", image));
    let mut converted = Converted::new(source, &ReadOptions::default()).unwrap();
    let pool = Pool::new(4, 64 << 10);
    let (mut kept, mut bytes) = (std::collections::VecDeque::new(), Vec::new());
    while let Some(chunk) = converted.next_chunk(&pool).unwrap() {
        chunk.slices().for_each(|slice| bytes.extend_from_slice(&slice));
        kept.push_back(chunk);
        if kept.len() > 3 {
            kept.pop_front();
        }
    }
    assert!(bytes == disk);
}
