//! An async stream of [`Bytes`], such as the body of a response.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Buf as _, Bytes};
use futures_core::Stream;
use tokio::runtime::Handle;

use super::state::StreamState;
use crate::blocking::wait;
use crate::chunk::Chunk;
use crate::error::{BoxError, SourceError};
use crate::fill::{copy, unfilled};
use crate::pool::Pool;
use crate::source::{Rewind, Source};

/// A source around an async stream of [`Bytes`]: the body of a response, an object of a store.
///
/// The stream is polled on the thread that calls [`next_chunk`](Source::next_chunk), and only during that
/// call. So at most one of its items is in memory in addition to the pool: its bytes are copied into buffers
/// of the pool. Polling happens in the context of the runtime in which the source was created, if there was
/// one, or of [`with_runtime`](StreamSource::with_runtime): sockets, timers and tasks of that runtime work as
/// long as it runs. A stream that uses no runtime needs none here. Do not call `next_chunk` in a task of a
/// current-thread runtime that the stream needs: it blocks that runtime.
///
/// It can be read only once, unless [`with_restart`](StreamSource::with_restart) supplies a new stream. Fewer
/// bytes than [declared](StreamSource::with_size) are [`SourceError::Shrank`], more are
/// [`SourceError::Grew`].
///
/// An error of the stream that is a [`CustomError`](crate::CustomError) or a [`SourceError`] is returned
/// unchanged, so it can be marked as transient. An I/O error becomes [`SourceError::Read`], any other a
/// [`SourceError::Custom`] that is not transient.
pub struct StreamSource<S> {
    state: StreamState,
    stream: Pin<Box<S>>,
    restart: Option<Box<dyn FnMut() -> S + Send>>,
    runtime: Option<Handle>,
    /// The unread part of the stream's last item.
    item: Bytes,
    /// A stream must not be polled after its end.
    has_ended: bool,
}

impl<S, E> StreamSource<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
    /// A source around the stream; `name` appears in messages.
    pub fn new(name: impl Into<String>, stream: S) -> Self {
        StreamSource {
            state: StreamState::new(name.into()),
            stream: Box::pin(stream),
            restart: None,
            runtime: Handle::try_current().ok(),
            item: Bytes::new(),
            has_ended: false,
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

    /// Sets the runtime that the stream belongs to, instead of the current one.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Makes the source rewindable: `restart` returns a stream of the same bytes from their start. It is
    /// called in the context of the runtime.
    #[must_use]
    pub fn with_restart(mut self, restart: impl FnMut() -> S + Send + 'static) -> Self {
        self.restart = Some(Box::new(restart));
        self
    }

    /// The next bytes of the stream, never empty; none at the end.
    fn receive(&mut self) -> Result<Option<Bytes>, SourceError> {
        while !self.has_ended {
            let stream = &mut self.stream;
            let next = poll_fn(|context| stream.as_mut().poll_next(context));
            match wait(self.runtime.as_ref(), next) {
                Some(Ok(item)) if item.is_empty() => {}
                Some(Ok(item)) => return Ok(Some(item)),
                Some(Err(error)) => return Err(self.state.failed_by(error.into())),
                None => self.has_ended = true,
            }
        }
        self.state.end().map(|()| None)
    }
}

impl<S> std::fmt::Debug for StreamSource<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamSource")
            .field("state", &self.state)
            .field("has_restart", &self.restart.is_some())
            .finish_non_exhaustive()
    }
}

impl<S, E> Source for StreamSource<S>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Into<BoxError>,
{
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
            if self.item.is_empty() {
                let Some(item) = self.receive()? else { break };
                self.item = item;
            }
            let count = copy(&self.item, rest);
            self.item.advance(count);
            filled += count;
            self.state.advance(count)?;
        }
        Ok((filled > 0).then(|| Chunk::of(buffer.into_chunk(filled))))
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.restart.is_some().then_some(self)
    }
}

impl<S: Stream + Send> Rewind for StreamSource<S> {
    fn to_start(&mut self) -> Result<(), SourceError> {
        let restart = self.restart.as_mut().expect("only then it can be rewound");
        let _context = self.runtime.as_ref().map(Handle::enter);
        self.stream = Box::pin(restart());
        self.state.at = 0;
        self.item = Bytes::new();
        self.has_ended = false;
        Ok(())
    }
}
