//! Sources, and the images made of them.

use std::io::Cursor;
use std::num::NonZeroUsize;

use imgpush_convert::write::{Qcow2Source, WriteOptions, write_to};
use imgpush_digest::Digests;
use imgpush_source::{BytesSource, Chunk, Pool, Source, SourceError};

pub(crate) fn source(disk: &[u8]) -> Box<dyn Source> {
    Box::new(BytesSource::new("disk.raw", disk.to_vec()))
}

/// The bytes of the image as a stream.
pub(crate) fn streamed(source: Box<dyn Source>, options: &WriteOptions) -> Vec<u8> {
    let mut image = Qcow2Source::prepare(source, options, &mut |_| {}).unwrap();
    let bytes = read(&mut image).unwrap();
    assert_eq!(image.size(), Some(bytes.len() as u64));
    bytes
}

/// The bytes of the image as it is written into a file.
pub(crate) fn filed(source: Box<dyn Source>, options: &WriteOptions) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let written = write_to(source, options, &mut file, &mut |_| {}).unwrap();
    assert_eq!(written.bytes, file.get_ref().len() as u64);
    file.into_inner()
}

/// Reads a source to its end.
pub(crate) fn read(source: &mut dyn Source) -> Result<Vec<u8>, SourceError> {
    let pool = Pool::new(4, 128 << 10);
    let mut bytes = Vec::new();
    while let Some(chunk) = source.next_chunk(&pool)? {
        chunk.slices().for_each(|slice| bytes.extend_from_slice(&slice));
        assert!(!chunk.is_empty() && chunk.len() <= pool.chunk_bytes() as u64);
    }
    source.finish(&Digests::default())?;
    Ok(bytes)
}

pub(crate) fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// A source that is implemented by its passes: each is the chunks of one.
#[derive(Debug)]
pub(crate) struct Passes {
    pub(crate) passes: Vec<Vec<Chunk>>,
    pub(crate) pass: usize,
    pub(crate) chunk: usize,
}

impl Passes {
    pub(crate) fn new(passes: Vec<Vec<Chunk>>) -> Self {
        Passes { passes, pass: 0, chunk: 0 }
    }
}

impl Source for Passes {
    fn name(&self) -> &'static str {
        "passes"
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn next_chunk(&mut self, _: &Pool) -> Result<Option<Chunk>, SourceError> {
        self.chunk += 1;
        Ok(self.passes[self.pass].get(self.chunk - 1).cloned())
    }

    fn rewind(&mut self) -> Option<&mut dyn imgpush_source::Rewind> {
        Some(self)
    }
}

impl imgpush_source::Rewind for Passes {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.pass = (self.pass + 1).min(self.passes.len() - 1);
        self.chunk = 0;
        Ok(())
    }
}
