//! A source around any [`AsyncRead`].

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::Handle;

use super::state::StreamState;
use crate::blocking::wait;
use crate::chunk::Chunk;
use crate::error::SourceError;
use crate::fill::unfilled;
use crate::pool::Pool;
use crate::source::Source;

/// A source around an async reader. It can be read only once, so an upload of it cannot be repeated.
///
/// The reader is polled on the thread that calls [`next_chunk`](Source::next_chunk), and only during that
/// call, so nothing is read ahead. Polling happens in the context of the runtime in which the source was
/// created, if there was one, or of [`with_runtime`](AsyncReadSource::with_runtime): sockets and timers of
/// that runtime work as long as it runs. A reader that uses no runtime needs none here.
///
/// Sizes and errors are as for [`ReaderSource`](crate::ReaderSource). Bytes are read into buffers of the
/// pool.
///
/// ```
/// use imgpush_source::{AsyncReadSource, Pool, Source as _};
///
/// // A slice is an async reader that needs no runtime.
/// let mut source = AsyncReadSource::new("a slice", &b"abc"[..]).with_size(3);
/// let pool = Pool::new(4, 4096);
/// let chunk = source.next_chunk(&pool)?.unwrap();
/// assert_eq!(chunk.slices().collect::<Vec<_>>().concat(), b"abc");
/// assert!(source.next_chunk(&pool)?.is_none());
/// # Ok::<_, imgpush_source::SourceError>(())
/// ```
pub struct AsyncReadSource<R> {
    state: StreamState,
    reader: Pin<Box<R>>,
    runtime: Option<Handle>,
}

impl<R: AsyncRead + Send> AsyncReadSource<R> {
    /// A source around the reader; `name` appears in messages.
    pub fn new(name: impl Into<String>, reader: R) -> Self {
        AsyncReadSource {
            state: StreamState::new(name.into()),
            reader: Box::pin(reader),
            runtime: Handle::try_current().ok(),
        }
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

    /// Sets the runtime that the reader belongs to, instead of the current one.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Reads once into `space`; returns 0 at the end.
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let mut space = ReadBuf::new(space);
        let reader = &mut self.reader;
        wait(
            self.runtime.as_ref(),
            poll_fn(|context| {
                ready!(reader.as_mut().poll_read(context, &mut space))?;
                Poll::Ready(Ok(space.filled().len()))
            }),
        )
    }
}

impl<R> std::fmt::Debug for AsyncReadSource<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsyncReadSource").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<R: AsyncRead + Send> Source for AsyncReadSource<R> {
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
        let mut filled = 0;
        while let Some(rest) = unfilled(space, filled) {
            match self.read(rest) {
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
        Ok((filled > 0).then(|| Chunk::of(buffer.into_chunk(filled))))
    }
}
