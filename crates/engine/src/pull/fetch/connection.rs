//! A stretch of an image, over one connection at a time.
//!
//! A connection that breaks is followed by one that asks for the rest by `Range`. A service that knows no
//! ranges answers with the whole image, and one whose store gives no random reads refuses, and is asked for the
//! whole image. Where all the rest is wanted, what is here already is passed over then, which costs the
//! network and nothing else.

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

/// A stretch that is being received.
pub(super) struct Connection {
    subject: Arc<FetchTarget>,
    /// Bytes of the image up to what was received last.
    at: u64,
    /// Behind its last byte.
    end: u64,
    /// Whether others fetch the rest, so that an answer with the whole image is of no use.
    is_part: bool,
    connection: Option<OpenBody>,
    /// What the network brought and no buffer has taken yet.
    piece: Bytes,
    /// The chunk that is being filled, and how far it is.
    filling: Option<(Buffer, usize)>,
    /// Whether more came than there can be, so that what came before is not to be trusted.
    overran: bool,
    /// Breaks since the last byte that came.
    failures: u32,
    /// Answers that ended without a break, but before the last byte asked for. The bytes that they
    /// brought do not reset this: a service that sends one byte a request would be asked for ever.
    short_answers: u32,
}

struct OpenBody {
    body: Download,
    /// The next byte to come, counted from the start of the image.
    at: u64,
    /// Bytes to come that are here already.
    known: u64,
}

/// Why no more bytes come.
pub(super) enum FetchStop {
    Failed(PullFailure),
    /// A part was asked for, and the service answered with the whole.
    NoRanges,
}

/// What ends an attempt.
enum ConnectionTrouble {
    /// Another may do better.
    Passing(TransferInterrupted),
    /// No other would.
    Lasting(FetchStop),
}

impl Connection {
    /// All from that byte on, with so many breaks to its account.
    pub(super) fn rest(subject: Arc<FetchTarget>, at: u64, failures: u32) -> Self {
        let end = subject.size;
        Connection { failures, ..Connection::new(subject, at, end, false) }
    }

    /// The bytes from `at` to before `end`, while others fetch what is around them.
    pub(super) fn part(subject: Arc<FetchTarget>, at: u64, end: u64) -> Self {
        Connection::new(subject, at, end, true)
    }

    /// One byte, without a retry: to see whether ranges are given.
    pub(super) fn last_byte(subject: Arc<FetchTarget>) -> Self {
        let (at, failures) = (subject.size.saturating_sub(1), subject.patience.retries);
        let end = subject.size;
        Connection { failures, ..Connection::new(subject, at, end, true) }
    }

    fn new(subject: Arc<FetchTarget>, at: u64, end: u64, is_part: bool) -> Self {
        Connection {
            subject,
            at,
            end,
            is_part,
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

    /// The next chunk, full unless it is the last; none behind the last byte.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost: another call goes on, and [`leave`](Connection::leave) gives what there is.
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
                    let taken = self.subject.pool.taken().await;
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

    /// All that was received and not handed out.
    pub(super) fn leave(&mut self) -> Vec<Bytes> {
        let piece = std::mem::take(&mut self.piece);
        self.rest_of_chunk().into_iter().chain((!piece.is_empty()).then_some(piece)).collect()
    }

    /// The chunk in the making, as far as it is.
    fn rest_of_chunk(&mut self) -> Option<Bytes> {
        self.filling.take().map(|(buffer, filled)| buffer.into_chunk(filled))
    }

    /// The next bytes of the network, through all passing trouble.
    async fn receive(&mut self) -> Result<Bytes, FetchStop> {
        let patience = &self.subject.patience.clone();
        loop {
            let broken = match self.attempt().await {
                Ok(piece) => {
                    self.failures = 0;
                    return Ok(piece);
                }
                Err(ConnectionTrouble::Lasting(stop)) => return Err(stop),
                Err(ConnectionTrouble::Passing(broken)) => broken,
            };
            self.connection = None;
            if let TransferInterrupted::Short { .. } = broken {
                self.short_answers += 1;
            }
            if self.failures >= patience.retries || self.short_answers > patience.retries {
                return Err(FetchStop::Failed(PullFailure::GaveUp {
                    at: self.at,
                    attempts: self.subject.tally.requests(),
                    retries: self.failures,
                    source: broken,
                }));
            }
            let pause = patience.before(self.failures);
            self.failures += 1;
            tracing::warn!(
                image = self.subject.id,
                at = self.at,
                "{}; asking for the rest in {} ms",
                chain(&broken),
                pause.as_millis()
            );
            sleep(pause).await;
        }
    }

    async fn attempt(&mut self) -> Result<Bytes, ConnectionTrouble> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        loop {
            let idle = self.subject.patience.idle_timeout;
            let Ok(piece) = timeout(idle, connection.body.next()).await else {
                return Err(ConnectionTrouble::Passing(TransferInterrupted::Stalled {
                    seconds: idle.as_secs(),
                }));
            };
            let Some(piece) = piece else {
                let (at, size) = (self.at, self.end);
                return Err(ConnectionTrouble::Passing(TransferInterrupted::Short { at, size }));
            };
            let mut piece = piece.map_err(trouble)?;
            let known = piece.len().min(usize::try_from(connection.known).unwrap_or(usize::MAX));
            if !self.subject.fits(connection.at, piece.get(..known).unwrap_or_default()) {
                return Err(ConnectionTrouble::Lasting(FetchStop::Failed(PullFailure::OtherStart)));
            }
            connection.at += piece.len() as u64;
            piece.advance(known);
            connection.known -= known as u64;
            if piece.is_empty() {
                continue;
            }
            let end = self.at + piece.len() as u64;
            if end > self.end {
                if self.is_part {
                    return Err(ConnectionTrouble::Lasting(FetchStop::NoRanges));
                }
                self.overran = true;
                return Err(self.other_size(&format!("at least {end}")));
            }
            self.at = end;
            self.subject.tally.add(piece.len() as u64);
            self.connection = Some(connection);
            return Ok(piece);
        }
    }

    async fn connect(&mut self) -> Result<OpenBody, ConnectionTrouble> {
        let subject = Arc::clone(&self.subject);
        let random_reads = &subject.random_reads;
        let end = self.is_part.then_some(self.end);
        let body = match random_reads.are_refused() {
            false => request(&subject, self.at, end).await,
            true if self.is_part => return Err(ConnectionTrouble::Lasting(FetchStop::NoRanges)),
            true => request(&subject, 0, None).await,
        };
        let body = match body {
            Err(error) if random_reads.is_refusal(&error) => {
                tracing::info!(image = self.subject.id, "the store gives no random reads");
                if self.is_part {
                    return Err(ConnectionTrouble::Lasting(FetchStop::NoRanges));
                }
                request(&subject, 0, None).await
            }
            answered => answered,
        };
        let body = body.map_err(trouble)?;
        if let Some(size) = body.size.filter(|size| *size != self.subject.size) {
            return Err(self.other_size(&size.to_string()));
        }
        let Some(known) = self.at.checked_sub(body.first) else {
            return Err(ConnectionTrouble::Passing(TransferInterrupted::Skipped {
                asked: self.at,
                first: body.first,
            }));
        };
        let is_longer = || body.length.is_some_and(|length| length > self.end - self.at);
        if self.is_part && (known > 0 || is_longer()) {
            return Err(ConnectionTrouble::Lasting(FetchStop::NoRanges));
        }
        if known > 0 {
            tracing::info!(image = self.subject.id, known, "the service knows no ranges");
        }
        Ok(OpenBody { at: body.first, body, known })
    }

    fn other_size(&self, found: &str) -> ConnectionTrouble {
        let error = IntegrityError::Differs {
            what: DATA.to_owned(),
            field: "size",
            expected: self.subject.size.to_string(),
            found: found.to_owned(),
        };
        ConnectionTrouble::Lasting(FetchStop::Failed(error.into()))
    }
}

/// Asks for the bytes from `from` on, up to before `end`, or all of them.
async fn request(
    subject: &FetchTarget,
    from: u64,
    end: Option<u64>,
) -> Result<Download, ClientError> {
    subject.tally.request();
    let mut options = DownloadOptions::from_byte(from).with_prefer(&subject.prefer);
    if let Some(end) = end {
        options = options.with_range(&(from..=end - 1));
    }
    subject.client.download(&subject.id, &options).await
}

fn trouble(error: ClientError) -> ConnectionTrouble {
    if error.is_transient() {
        ConnectionTrouble::Passing(TransferInterrupted::Client(error))
    } else {
        let during = "downloading the data";
        ConnectionTrouble::Lasting(FetchStop::Failed(PullFailure::Client { during, source: error }))
    }
}
