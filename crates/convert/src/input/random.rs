//! An image with random access.

use imgpush_source::{Source, SourceError};

use super::access::{Input, Reuse};
use crate::error::ConvertError;

/// Reads of fewer bytes fill the window, for the small headers before each grain of a VMDK.
const SMALL_BYTES: usize = 512;

/// Bytes of the window.
const WINDOW_BYTES: usize = 64 << 10;

/// A source with random access, read where a layout says.
pub(crate) struct Random {
    source: Box<dyn Source>,
    size: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl Random {
    /// Returns the source if it has no random access or no known size.
    pub(crate) fn new(mut source: Box<dyn Source>) -> Result<Self, Box<dyn Source>> {
        match (source.size(), source.random_access().is_some()) {
            (Some(size), true) => Ok(Random { source, size, window: Vec::new(), window_start: 0 }),
            _ => Err(source),
        }
    }

    fn read_source(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, ConvertError> {
        // A length that changed is found by `check` at the end, and never read as zeros.
        match self.source.random_access() {
            Some(access) => Ok(access.read_at(offset, space)?),
            None => Err(SourceError::Read {
                name: self.source.name().to_owned(),
                at: offset,
                source: std::io::ErrorKind::NotSeekable.into(),
            }
            .into()),
        }
    }

    /// The bytes of the window from `offset` on.
    fn in_window(&self, offset: u64) -> &[u8] {
        let start = offset.checked_sub(self.window_start).and_then(|n| usize::try_from(n).ok());
        start.and_then(|start| self.window.get(start..)).unwrap_or_default()
    }

    fn fill_window(&mut self, offset: u64) -> Result<(), ConvertError> {
        let mut window = std::mem::take(&mut self.window);
        window.resize(WINDOW_BYTES, 0);
        let count = self.read_source(offset, &mut window)?;
        window.truncate(count);
        self.window = window;
        self.window_start = offset;
        Ok(())
    }
}

impl Input for Random {
    fn read(&mut self, offset: u64, space: &mut [u8], _: Reuse) -> Result<usize, ConvertError> {
        let held = self.in_window(offset);
        let count = held.len().min(space.len());
        let (head, rest) = space.split_at_mut(count);
        head.copy_from_slice(held.get(..count).unwrap_or_default());
        if rest.is_empty() {
            return Ok(count);
        }
        let at = offset.saturating_add(count as u64);
        if rest.len() < SMALL_BYTES {
            self.fill_window(at)?;
            let held = self.in_window(at);
            let more = held.len().min(rest.len());
            if let (Some(to), Some(from)) = (rest.get_mut(..more), held.get(..more)) {
                to.copy_from_slice(from);
            }
            return Ok(count + more);
        }
        Ok(count + self.read_source(at, rest)?)
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn source(&self) -> &dyn Source {
        &*self.source
    }

    fn source_mut(&mut self) -> &mut dyn Source {
        &mut *self.source
    }

    fn to_start(&mut self) -> Result<(), ConvertError> {
        self.window.clear();
        match self.source.rewind() {
            Some(source) => Ok(source.to_start()?),
            None => Ok(self.source.check()?),
        }
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        self.source.check()
    }
}
