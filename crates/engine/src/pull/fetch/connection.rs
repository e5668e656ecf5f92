//! A range of an image, over one connection at a time.
//!
//! A broken connection is followed by another one that requests the rest with `Range`. A service without
//! range support answers with the complete image. A service whose store gives no random reads rejects the
//! request, and the complete image is requested instead. In both cases a connection that fetches the rest of
//! the image discards the data that is already present.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use imgpush_client::{Download, DownloadOptions, Error as ClientError};
use imgpush_source::pool::Buffer;
use tokio::time::{sleep, timeout};

use super::target::{DATA, FetchTarget};
use crate::error::chain;
use crate::integrity::IntegrityError;
use crate::pull::error::{PullFailure, TransferInterrupted};

/// A range of an image that is being received.
pub(super) struct Connection {
    target: Arc<FetchTarget>,
    /// The position after the last received byte, from the start of the image.
    at: u64,
    /// The end of the range.
    end: u64,
    /// Whether other connections fetch the rest, so that a response with the complete image cannot be used.
    is_range: bool,
    connection: Option<OpenBody>,
    /// Received data that is not in a buffer yet.
    piece: Bytes,
    /// The chunk that is being filled, and its length so far.
    filling: Option<(Buffer, usize)>,
    /// Whether more data arrived than the image has, so that the earlier data cannot be trusted.
    overran: bool,
    /// Failures since the last received byte.
    failures: u32,
    /// Number of responses that ended regularly, but before the last requested byte. Received data does not
    /// reset it, because a service that sends one byte for each request would be queried forever.
    short_answers: u32,
}

struct OpenBody {
    body: Download,
    /// The position of the next byte, from the start of the image.
    at: u64,
    /// Bytes to come that are already present.
    known: u64,
}

/// Why a range cannot be completed.
pub(super) enum FetchStop {
    Failed(PullFailure),
    /// A range was requested, and the service answered with the complete image.
    NoRanges,
}

/// Why an attempt ended.
enum ConnectionFailure {
    /// A retry may succeed.
    Transient(TransferInterrupted),
    /// A retry would fail too.
    Permanent(FetchStop),
}

impl Connection {
    /// Creates a connection for all bytes from `at` on, after this number of failures.
    pub(super) fn rest(target: Arc<FetchTarget>, at: u64, failures: u32) -> Self {
        let end = target.size;
        Connection { failures, ..Connection::new(target, at, end, false) }
    }

    /// Creates a connection for the bytes from `at` to before `end`, while others fetch the rest.
    pub(super) fn range(target: Arc<FetchTarget>, at: u64, end: u64) -> Self {
        Connection::new(target, at, end, true)
    }

    /// Creates a connection for one byte, without retries, to check whether ranges are supported.
    pub(super) fn last_byte(target: Arc<FetchTarget>) -> Self {
        let (at, failures) = (target.size.saturating_sub(1), target.retry_policy.retries);
        let end = target.size;
        Connection { failures, ..Connection::new(target, at, end, true) }
    }

    fn new(target: Arc<FetchTarget>, at: u64, end: u64, is_range: bool) -> Self {
        Connection {
            target,
            at,
            end,
            is_range,
            connection: None,
            piece: Bytes::new(),
            filling: None,
            overran: false,
            failures: 0,
            short_answers: 0,
        }
    }

    pub(super) fn overran(&self) -> bool {
        self.overran
    }

    /// Returns the next chunk, which is full unless it is the last; `None` after the last byte.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: another call continues, and [`leave`](Connection::leave) returns the received data.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchStop> {
        loop {
            if self.piece.is_empty() {
                if self.at == self.end {
                    self.connection = None;
                    return Ok(self.rest_of_chunk());
                }
                self.piece = self.receive().await?;
            }
            let (buffer, filled) = match &mut self.filling {
                Some(filling) => filling,
                None => {
                    let taken = self.target.pool.taken().await;
                    let buffer = taken
                        .map_err(|source| FetchStop::Failed(PullFailure::Memory { source }))?;
                    self.filling.insert((buffer, 0))
                }
            };
            let space = &mut buffer.space()[*filled..];
            let count = space.len().min(self.piece.len());
            self.piece.copy_to_slice(&mut space[..count]);
            *filled += count;
            if count == space.len() {
                return Ok(self.rest_of_chunk());
            }
        }
    }

    /// Returns all received data that was not returned yet.
    pub(super) fn leave(&mut self) -> Vec<Bytes> {
        let piece = std::mem::take(&mut self.piece);
        self.rest_of_chunk().into_iter().chain((!piece.is_empty()).then_some(piece)).collect()
    }

    /// Takes the incomplete chunk.
    fn rest_of_chunk(&mut self) -> Option<Bytes> {
        self.filling.take().map(|(buffer, filled)| buffer.into_chunk(filled))
    }

    /// Receives the next bytes, with retries after transient failures.
    async fn receive(&mut self) -> Result<Bytes, FetchStop> {
        let retry_policy = &self.target.retry_policy.clone();
        loop {
            let broken = match self.attempt().await {
                Ok(piece) => {
                    self.failures = 0;
                    return Ok(piece);
                }
                Err(ConnectionFailure::Permanent(stop)) => return Err(stop),
                Err(ConnectionFailure::Transient(broken)) => broken,
            };
            self.connection = None;
            if let TransferInterrupted::Short { .. } = broken {
                self.short_answers += 1;
            }
            if self.failures >= retry_policy.retries || self.short_answers > retry_policy.retries {
                return Err(FetchStop::Failed(PullFailure::GaveUp {
                    at: self.at,
                    attempts: self.target.tally.requests(),
                    retries: self.failures,
                    source: broken,
                }));
            }
            let pause = retry_policy.before(self.failures);
            self.failures += 1;
            tracing::warn!(
                image = self.target.id,
                at = self.at,
                "{}; requesting the rest in {} ms",
                chain(&broken),
                pause.as_millis()
            );
            sleep(pause).await;
        }
    }

    async fn attempt(&mut self) -> Result<Bytes, ConnectionFailure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        loop {
            let idle = self.target.retry_policy.idle_timeout;
            let Ok(piece) = timeout(idle, connection.body.next()).await else {
                return Err(ConnectionFailure::Transient(TransferInterrupted::Stalled {
                    seconds: idle.as_secs(),
                }));
            };
            let Some(piece) = piece else {
                let (at, size) = (self.at, self.end);
                return Err(ConnectionFailure::Transient(TransferInterrupted::Short { at, size }));
            };
            let mut piece = piece.map_err(connection_failure)?;
            let known = piece.len().min(usize::try_from(connection.known).unwrap_or(usize::MAX));
            if !self.target.fits(connection.at, piece.get(..known).unwrap_or_default()) {
                return Err(ConnectionFailure::Permanent(FetchStop::Failed(
                    PullFailure::OtherStart,
                )));
            }
            connection.at += piece.len() as u64;
            piece.advance(known);
            connection.known -= known as u64;
            if piece.is_empty() {
                continue;
            }
            let end = self.at + piece.len() as u64;
            if end > self.end {
                if self.is_range {
                    return Err(ConnectionFailure::Permanent(FetchStop::NoRanges));
                }
                self.overran = true;
                return Err(self.other_size(&format!("at least {end}")));
            }
            self.at = end;
            self.target.tally.add(piece.len() as u64);
            self.connection = Some(connection);
            return Ok(piece);
        }
    }

    async fn connect(&mut self) -> Result<OpenBody, ConnectionFailure> {
        let target = Arc::clone(&self.target);
        let random_reads = &target.random_reads;
        let end = self.is_range.then_some(self.end);
        let body = match random_reads.are_refused() {
            false => request(&target, self.at, end).await,
            true if self.is_range => return Err(ConnectionFailure::Permanent(FetchStop::NoRanges)),
            true => request(&target, 0, None).await,
        };
        let body = match body {
            Err(error) if random_reads.is_refusal(&error) => {
                tracing::info!(image = self.target.id, "the store does not support range requests");
                if self.is_range {
                    return Err(ConnectionFailure::Permanent(FetchStop::NoRanges));
                }
                request(&target, 0, None).await
            }
            answered => answered,
        };
        let body = body.map_err(connection_failure)?;
        if let Some(size) = body.size.filter(|size| *size != self.target.size) {
            return Err(self.other_size(&size.to_string()));
        }
        let Some(known) = self.at.checked_sub(body.first) else {
            return Err(ConnectionFailure::Transient(TransferInterrupted::Skipped {
                asked: self.at,
                first: body.first,
            }));
        };
        let is_longer = || body.length.is_some_and(|length| length > self.end - self.at);
        if self.is_range && (known > 0 || is_longer()) {
            return Err(ConnectionFailure::Permanent(FetchStop::NoRanges));
        }
        if known > 0 {
            tracing::info!(
                image = self.target.id,
                known,
                "the service does not support range requests"
            );
        }
        Ok(OpenBody { at: body.first, body, known })
    }

    fn other_size(&self, found: &str) -> ConnectionFailure {
        let error = IntegrityError::Differs {
            what: DATA.to_owned(),
            field: "size",
            expected: self.target.size.to_string(),
            found: found.to_owned(),
        };
        ConnectionFailure::Permanent(FetchStop::Failed(error.into()))
    }
}

/// Requests the bytes from `from` on, up to before `end`, or all of them.
async fn request(
    target: &FetchTarget,
    from: u64,
    end: Option<u64>,
) -> Result<Download, ClientError> {
    target.tally.request();
    let mut options = DownloadOptions::from_byte(from).with_prefer(&target.prefer);
    if let Some(end) = end {
        options = options.with_range(&(from..=end - 1));
    }
    target.client.download(&target.id, &options).await
}

fn connection_failure(error: ClientError) -> ConnectionFailure {
    if error.is_transient() {
        ConnectionFailure::Transient(TransferInterrupted::Client(error))
    } else {
        let during = "download the data";
        ConnectionFailure::Permanent(FetchStop::Failed(PullFailure::Client {
            during,
            source: error,
        }))
    }
}
