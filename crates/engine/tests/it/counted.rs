//! A source that counts the bytes that were read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use imgpush_engine::SourceError;
use imgpush_engine::pool::Pool;
use imgpush_engine::source::{Chunk, Rewind, Source};

/// A source in memory that counts the bytes that were read.
pub(crate) struct Counted {
    data: Bytes,
    at: usize,
    read: Arc<AtomicU64>,
}

impl Counted {
    pub(crate) fn of(data: impl Into<Bytes>) -> (Box<dyn Source>, Arc<AtomicU64>) {
        let read = Arc::new(AtomicU64::new(0));
        let source = Counted { data: data.into(), at: 0, read: Arc::clone(&read) };
        (Box::new(source), read)
    }
}

impl Source for Counted {
    fn name(&self) -> &str {
        "counted"
    }

    fn size(&self) -> Option<u64> {
        Some(self.data.len() as u64)
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let failed = |source| SourceError::Read { name: "counted".into(), at: 0, source };
        let mut buffer = pool.take().map_err(failed)?;
        let length = buffer.space().len().min(self.data.len() - self.at);
        if length == 0 {
            return Ok(None);
        }
        buffer.space()[..length].copy_from_slice(&self.data[self.at..self.at + length]);
        self.at += length;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(Some(buffer.into_chunk(length).into()))
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

impl Rewind for Counted {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.at = 0;
        Ok(())
    }
}
