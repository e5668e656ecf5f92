//! A custom [`Source`]: objects in a store that this crate does not support.
//!
//! It shows what an implementation needs: a name, chunks in buffers of the pool, and a rewind to the start.
//! The caller retries an error that is marked as transient: `read` here, the engine in an upload. The example
//! needs no network:
//!
//! ```text
//! cargo run -p imgpush-source --example custom_source
//! ```
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use imgpush_digest::{Algorithm, MultiHasher, hash};
use imgpush_source::checksum::Expected;
use imgpush_source::{Chunk, CustomError, Pool, ReadAt, Rewind, Source, SourceError};

/// A store whose server is overloaded from time to time.
struct Store {
    objects: HashMap<&'static str, Vec<u8>>,
}

impl Store {
    /// Up to `length` bytes of an object from `offset` on.
    fn get(&self, key: &str, offset: usize, length: usize) -> &[u8] {
        let rest =
            self.objects.get(key).and_then(|object| object.get(offset..)).unwrap_or_default();
        &rest[..rest.len().min(length)]
    }
}

/// One object of the store.
struct ObjectSource {
    store: Arc<Store>,
    key: &'static str,
    at: usize,
    /// Requests until the server is overloaded, which happens once.
    requests_left: Option<u32>,
}

impl Source for ObjectSource {
    fn name(&self) -> &str {
        self.key
    }

    /// Lists of checksums are searched for this name.
    fn file_name(&self) -> Option<String> {
        self.key.rsplit('/').next().map(str::to_owned)
    }

    fn size(&self) -> Option<u64> {
        self.store.objects.get(self.key).map(|object| object.len() as u64)
    }

    /// Copies the bytes into a buffer of the pool, which bounds the memory.
    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        match &mut self.requests_left {
            Some(0) => {
                self.requests_left = None;
                let error = CustomError::new(self.key, "503 Slow Down");
                return Err(error.with_position(self.at as u64).with_transient(true).into());
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let failed = |error| CustomError::new(self.key, error);
        let mut buffer = pool.take().map_err(failed)?;
        let space = buffer.space();
        let part = self.store.get(self.key, self.at, space.len());
        space[..part.len()].copy_from_slice(part);
        let count = part.len();
        self.at += count;
        Ok((count > 0).then(|| Chunk::of(buffer.into_chunk(count))))
    }

    /// Lets headers and footers be inspected before the first chunk is read.
    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        Some(self)
    }

    /// Lets an interrupted upload be repeated.
    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

impl ReadAt for ObjectSource {
    fn read_at(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = self.store.get(self.key, offset, space.len());
        space[..part.len()].copy_from_slice(part);
        Ok(part.len())
    }
}

impl Rewind for ObjectSource {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.at = 0;
        Ok(())
    }
}

/// Reads a source to its end, and starts again after a transient error.
fn read(source: &mut dyn Source, pool: &Pool) -> Result<(Vec<u8>, u32), SourceError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match read_once(source, pool) {
            Err(error) if error.is_transient() && attempts < 3 => match source.rewind() {
                Some(rewind) => rewind.to_start()?,
                None => return Err(error),
            },
            result => return result.map(|data| (data, attempts)),
        }
    }
}

fn read_once(source: &mut dyn Source, pool: &Pool) -> Result<Vec<u8>, SourceError> {
    // The digests that the source needs, over all its chunks.
    let mut hasher = MultiHasher::new(source.wants().iter().copied(), NonZeroUsize::MIN);
    let mut data = Vec::new();
    while let Some(chunk) = source.next_chunk(pool)? {
        for slice in chunk.slices() {
            hasher.update(&slice);
            data.extend_from_slice(&slice);
        }
    }
    source.finish(&hasher.finish())?;
    Ok(data)
}

fn main() -> Result<(), SourceError> {
    let image: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    let digest = hash(Algorithm::Sha256, &image);
    let objects = HashMap::from([("images/noble.img", image.clone())]);
    let object = ObjectSource {
        store: Arc::new(Store { objects }),
        key: "images/noble.img",
        at: 0,
        requests_left: Some(10),
    };

    // Any source can be verified against a published checksum.
    let mut source = Expected::default().with_digest(digest).of(Box::new(object))?;
    let pool = Pool::new(4, 4096);
    let (data, attempts) = read(source.as_mut(), &pool)?;

    assert_eq!(attempts, 2, "the overloaded server was asked again");
    assert!(data == image);
    let provenance = source.provenance().expect("a source that finished is verified");
    assert_eq!(provenance.source_verified_by, [Algorithm::Sha256]);
    println!("{}: {} bytes, verified, {attempts} attempts", source.name(), data.len());
    Ok(())
}
