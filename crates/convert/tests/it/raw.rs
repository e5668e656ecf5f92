//! Conversion to raw with the crate, and comparison.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use imgpush_convert::{Converted, ReadOptions};
use imgpush_digest::Digests;
use imgpush_source::{FileSource, Pool, Source, SourceError};

/// Larger disks are compared completely only where they have data.
const LARGE_BYTES: u64 = 4 << 30;

/// Opens an image with random access.
pub(crate) fn open(image: &Path) -> Result<Converted, SourceError> {
    let source = FileSource::open(image)?;
    converted(Box::new(source), &ReadOptions::default())
}

/// Opens the image in a source.
pub(crate) fn converted(
    source: Box<dyn Source>,
    options: &ReadOptions,
) -> Result<Converted, SourceError> {
    Converted::new(source, options).map_err(|error| error.into_source_error("the image"))
}

/// Reads a disk completely, and checks what every source promises.
pub(crate) fn read(disk: &mut Converted, pool: &Pool) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = disk.next_chunk(pool)? {
        assert!(!chunk.is_empty() && chunk.len() <= pool.chunk_bytes() as u64);
        chunk.slices().for_each(|slice| bytes.extend_from_slice(&slice));
    }
    disk.finish(&Digests::default())?;
    assert_eq!(Some(bytes.len() as u64), disk.size());
    Ok(bytes)
}

/// Reads a disk without keeping it.
pub(crate) fn drain(mut disk: Converted) -> Result<u64, SourceError> {
    let pool = Pool::new(8, 1 << 20);
    let mut length = 0;
    while let Some(chunk) = disk.next_chunk(&pool)? {
        length += chunk.len();
    }
    disk.finish(&Digests::default())?;
    Ok(length)
}

/// Converts an image with random access.
pub(crate) fn convert(image: &Path) -> Result<Vec<u8>, SourceError> {
    read(&mut open(image)?, &Pool::new(8, 1 << 20))
}

/// Compares a disk with a raw file, without keeping either in memory.
pub(crate) fn compare(disk: &mut Converted, raw: &Path) -> Result<(), String> {
    let text = |error: SourceError| chain(&error);
    let length = raw.metadata().unwrap().len();
    if disk.size() != Some(length) {
        return Err(format!("the size is {:?} instead of {length}", disk.size()));
    }
    let mut raw = File::open(raw).unwrap();
    let pool = Pool::new(8, 1 << 20);
    let (mut at, mut expected) = (0, Vec::new());
    let is_large = length > LARGE_BYTES;
    while let Some(chunk) = disk.next_chunk(&pool).map_err(text)? {
        if is_large && chunk.is_zeros() {
            // Only the start of it is compared.
            at += chunk.len();
            let mut start = [1; 512];
            let count = raw.read(&mut start).unwrap();
            if start.iter().take(count).any(|byte| *byte != 0) {
                return Err(format!("byte {} differs", at - chunk.len()));
            }
            raw.seek(SeekFrom::Start(at)).unwrap();
            continue;
        }
        for slice in chunk.slices() {
            expected.resize(slice.len(), 0);
            raw.read_exact(&mut expected).unwrap();
            if expected != slice[..] {
                let wrong = expected.iter().zip(&slice[..]).position(|(a, b)| a != b).unwrap();
                return Err(format!("byte {} differs", at + wrong as u64));
            }
            at += slice.len() as u64;
        }
    }
    if at != length {
        return Err(format!("it ends at byte {at} of {length}"));
    }
    disk.finish(&Digests::default()).map_err(text)
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
