//! A source around any [`Read`]: the standard input, a pipe, a decoder of the caller.

use std::io::Read;

use super::state::StreamState;
use crate::chunk::Chunk;
use crate::error::SourceError;
use crate::fill::{copy, unfilled};
use crate::pool::Pool;
use crate::source::{Peek, Source};

/// A source around a blocking reader. It can be read only once, so an upload of it cannot be repeated.
///
/// Without a declared size, the end of the reader is the only indication that all bytes have arrived. With
/// [`with_size`](ReaderSource::with_size), fewer bytes are [`SourceError::Shrank`] and more are
/// [`SourceError::Grew`].
///
/// Bytes are read into buffers of the pool. An I/O error is [`SourceError::Read`], unless it contains a
/// [`CustomError`](crate::CustomError) or [`SourceError`], which is then returned.
#[derive(Debug)]
pub struct ReaderSource<R> {
    state: StreamState,
    reader: R,
    /// Bytes that were peeked and not yet returned.
    head: Vec<u8>,
}

impl<R: Read + Send> ReaderSource<R> {
    /// A source around the reader; `name` appears in messages.
    pub fn new(name: impl Into<String>, reader: R) -> Self {
        ReaderSource { state: StreamState::new(name.into()), reader, head: Vec::new() }
    }

    /// Declares the size, in bytes.
    #[must_use]
    pub fn with_size(mut self, bytes: u64) -> Self {
        self.state.size = Some(bytes);
        self
    }

    /// Sets the name of the file that the bytes come from, for lists of checksums and the name of the image.
    #[must_use]
    pub fn with_file_name(mut self, name: impl Into<String>) -> Self {
        self.state.file_name = Some(name.into());
        self
    }

    /// Reads until `space` is full or the reader is at its end. A pipe returns little at a time, and small
    /// chunks would become small frames of the upload.
    fn fill(&mut self, space: &mut [u8]) -> Result<usize, SourceError> {
        let mut filled = 0;
        while let Some(rest) = unfilled(space, filled) {
            match self.reader.read(rest) {
                Ok(0) => {
                    self.state.end()?;
                    break;
                }
                Ok(count) => {
                    filled += count;
                    self.state.advance(count)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.state.failed(error)),
            }
        }
        Ok(filled)
    }
}

impl<R: Read + Send> Source for ReaderSource<R> {
    fn name(&self) -> &str {
        &self.state.name
    }

    fn file_name(&self) -> Option<String> {
        self.state.file_name.clone()
    }

    fn size(&self) -> Option<u64> {
        self.state.size
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let mut buffer = pool.take().map_err(|error| self.state.failed(error))?;
        let space = buffer.space();
        let known = copy(&self.head, space);
        self.head.drain(..known);
        let filled = known + unfilled(space, known).map_or(Ok(0), |rest| self.fill(rest))?;
        Ok((filled > 0).then(|| Chunk::of(buffer.into_chunk(filled))))
    }
}

impl<R: Read + Send> Peek for ReaderSource<R> {
    fn peek(&mut self, space: &mut [u8]) -> Result<usize, SourceError> {
        let filled = self.fill(space)?;
        self.head = space.iter().take(filled).copied().collect();
        Ok(filled)
    }
}
