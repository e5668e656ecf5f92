//! Anything that can be read but not sought: the standard input, a pipe.

use std::io::Read;

use bytes::Bytes;

use super::Source;
use crate::SourceError;
use crate::pool::Pool;

/// A stream of unknown length. It cannot be rewound, so it is never sent twice.
#[derive(Debug)]
pub struct ReaderSource<R> {
    name: String,
    reader: R,
    at: u64,
}

impl<R: Read + Send> ReaderSource<R> {
    /// `name` is what messages call it.
    pub fn new(name: impl Into<String>, reader: R) -> Self {
        ReaderSource { name: name.into(), reader, at: 0 }
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
        let failed = |at, source| SourceError::Read { name: self.name.clone(), at, source };
        let mut buffer = pool.take().map_err(|source| failed(self.at, source))?;
        let space = buffer.space();
        let mut filled = 0;
        // A pipe gives little at a time; small chunks would make small frames of the upload.
        while filled < space.len() {
            match self.reader.read(&mut space[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(self.at + filled as u64, error)),
            }
        }
        self.at += filled as u64;
        Ok((filled > 0).then(|| buffer.into_chunk(filled)))
    }

    /// The end of a stream is its only word on being whole.
    fn finish(&mut self) -> Result<(), SourceError> {
        Ok(())
    }
}
