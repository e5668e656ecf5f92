//! Anything that can be read but not sought: the standard input, a pipe.

use std::io::Read;

use bytes::Bytes;

use crate::error::SourceError;
use crate::pool::Pool;
use crate::source::{Peek, Source};

/// A stream of unknown length, whose end is its only word on being whole. It cannot be rewound, so it is
/// never sent twice.
#[derive(Debug)]
pub struct ReaderSource<R> {
    name: String,
    reader: R,
    /// Bytes that were looked at and not handed out.
    head: Vec<u8>,
    at: u64,
}

impl<R: Read + Send> ReaderSource<R> {
    /// `name` is what messages call it.
    pub fn new(name: impl Into<String>, reader: R) -> Self {
        ReaderSource { name: name.into(), reader, head: Vec::new(), at: 0 }
    }

    /// Reads until the space is full or the stream at its end: a pipe gives little at a time, and small
    /// chunks would make small frames of the upload.
    fn fill(&mut self, space: &mut [u8]) -> Result<usize, SourceError> {
        let mut filled = 0;
        while filled < space.len() {
            match self.reader.read(&mut space[filled..]) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    self.at += count as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(filled)
    }

    fn failed(&self, source: std::io::Error) -> SourceError {
        SourceError::Read { name: self.name.clone(), at: self.at, source }
    }
}

impl<R: Read + Send> Source for ReaderSource<R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Bytes>, SourceError> {
        let mut buffer = pool.take().map_err(|source| self.failed(source))?;
        let space = buffer.space();
        let known = self.head.len().min(space.len());
        space[..known].copy_from_slice(&self.head[..known]);
        self.head.drain(..known);
        let filled = known + self.fill(&mut space[known..])?;
        Ok((filled > 0).then(|| buffer.into_chunk(filled)))
    }
}

impl<R: Read + Send> Peek for ReaderSource<R> {
    fn peek(&mut self, space: &mut [u8]) -> Result<usize, SourceError> {
        let filled = self.fill(space)?;
        self.head = space[..filled].to_vec();
        Ok(filled)
    }
}
