//! The source that reads from a web server.
//!
//! The connection runs on the thread that reads, in a small runtime of its own. So it works on any thread,
//! and TLS decryption does not slow down the thread that sends. While nothing is read, the receive buffer of
//! the system fills, and the server waits.

use bytes::{Buf as _, Bytes};
use percent_encoding::percent_decode_str;
use tokio::runtime::Runtime;
use url::Url;

use super::connection::Connection;
use super::options::HttpOptions;
use crate::address::{shown_text, shown_url};
use crate::chunk::Chunk;
use crate::error::SourceError;
use crate::file_name::file_name;
use crate::fill::{copy, unfilled};
use crate::pool::Pool;
use crate::source::{Peek, ReadAt, Rewind, Source};

/// A file at an `http` or `https` address.
///
/// Redirects are followed, but not from https to http. Proxies are those of the environment, unless the
/// [options](HttpOptions) name one. User and password in the address are sent to its server only, and no
/// name or message shows them.
///
/// The source ends only when all bytes of one version have arrived. A failed connection is resumed by a range
/// request if the server can identify a changed file: by a strong `ETag`, or else a date. A file with another
/// size, tag or date than at the start is an error, and so is an end before the size. If a connection cannot
/// be resumed, the error is transient, and the next pass may read another version.
///
/// It has random access if the server supports ranges, until a request for a range fails.
pub struct HttpSource {
    /// None only while being dropped.
    runtime: Option<Runtime>,
    connection: Connection,
    /// Received bytes that are not yet in a chunk.
    rest_of_piece: Bytes,
}

impl HttpSource {
    /// Requests the file. Do not call it inside an async runtime.
    ///
    /// # Errors
    ///
    /// [`SourceError`]: a malformed address or option; the server is unreachable or refuses.
    pub fn open(address: &str, options: &HttpOptions) -> Result<Self, SourceError> {
        let url = Url::parse(address).map_err(|error| SourceError::Address {
            name: shown_text(address),
            source: error.into(),
        })?;
        let name = shown_url(&url);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| SourceError::Open { name: name.clone(), source })?;
        let connection = Connection::new(name, url, options)?;
        let mut source =
            HttpSource { runtime: Some(runtime), connection, rest_of_piece: Bytes::new() };
        source.wait(async |connection| connection.open().await)?;
        Ok(source)
    }

    fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> T) -> T {
        let runtime = self.runtime.as_ref().expect("only drop() takes it");
        runtime.block_on(work(&mut self.connection))
    }

    /// The next bytes, never empty; none at the end.
    fn receive(&mut self) -> Result<Option<Bytes>, SourceError> {
        self.wait(async |connection| connection.receive().await)
    }
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSource").field("name", &self.connection.name).finish_non_exhaustive()
    }
}

impl Drop for HttpSource {
    fn drop(&mut self) {
        // The runtime may be dropped in an async task, which must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Source for HttpSource {
    fn name(&self) -> &str {
        &self.connection.name
    }

    fn file_name(&self) -> Option<String> {
        let last = self.connection.url.path_segments()?.next_back()?;
        file_name(&percent_decode_str(last).decode_utf8_lossy())
    }

    fn size(&self) -> Option<u64> {
        self.connection.size
    }

    fn stamp(&self) -> Option<String> {
        let validator = self.connection.version.as_ref()?.validator()?.to_str().ok()?;
        Some(format!("{} bytes, {validator}", self.connection.size?))
    }

    /// Copies the small pieces of the connection into a buffer. Their memory is not the pool's, and small
    /// chunks would become small frames of the upload.
    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let mut buffer = pool.take().map_err(|source| self.connection.failed(source))?;
        let space = buffer.space();
        let mut filled = 0;
        while let Some(rest) = unfilled(space, filled) {
            if self.rest_of_piece.is_empty() {
                let Some(piece) = self.receive()? else { break };
                self.rest_of_piece = piece;
            }
            let count = copy(&self.rest_of_piece, rest);
            self.rest_of_piece.advance(count);
            filled += count;
        }
        Ok((filled > 0).then(|| Chunk::of(buffer.into_chunk(filled))))
    }

    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        self.connection.has_ranges().then_some(self)
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        Some(self)
    }
}

impl Peek for HttpSource {
    fn peek(&mut self, space: &mut [u8]) -> Result<usize, SourceError> {
        while self.rest_of_piece.len() < space.len() {
            let Some(more) = self.receive()? else { break };
            self.rest_of_piece = [&*self.rest_of_piece, &*more].concat().into();
        }
        Ok(copy(&self.rest_of_piece, space))
    }
}

impl ReadAt for HttpSource {
    fn read_at(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError> {
        self.wait(async |connection| connection.read_at(offset, space).await)
    }
}

impl Rewind for HttpSource {
    /// Makes the next chunk request the file again, in the same version.
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.rest_of_piece = Bytes::new();
        self.connection.restart();
        Ok(())
    }
}
