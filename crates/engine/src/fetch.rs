//! The bytes of an image, over as many connections as it takes.
//!
//! A connection that breaks is followed by one that asks for the rest by `Range`. A service that knows
//! no ranges answers with the whole image; what is here already is passed over then, which costs the
//! network and nothing else. Whether all pieces are of one image is not asked here: the digests tell.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use imgpush_client::{
    Download, DownloadOptions as ClientOptions, Error as ClientError, ImageClient,
};
use tokio::time::{sleep, timeout};

use crate::error::{Break, Failure};
use crate::pool::{Buffer, Pool};
use crate::progress::Progress;
use crate::report::chain;
use crate::retry;

/// How long to wait, and how often to try again.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// How long a connection may bring nothing.
    pub(crate) idle_timeout: Duration,
    /// Requests in a row, behind a break, that may bring nothing before it is given up.
    pub(crate) retries: u32,
    /// The pause before the first of them; doubles with each.
    pub(crate) pause: Duration,
}

/// An image that is being received.
pub(crate) struct Fetch {
    client: ImageClient,
    id: String,
    prefer: Vec<String>,
    patience: Patience,
    progress: Arc<dyn Progress>,
    pool: Pool,
    /// Bytes of the image.
    size: u64,
    /// Bytes received, or there before.
    at: u64,
    connection: Option<Connection>,
    /// What the network brought and no buffer has taken yet.
    piece: Bytes,
    /// The chunk that is being filled, and how far it is.
    filling: Option<(Buffer, usize)>,
    attempts: u32,
    /// Whether more came than there can be, so that what came before is not to be trusted.
    overran: bool,
    /// Breaks since the last byte that came.
    failures: u32,
}

struct Connection {
    body: Download,
    /// Bytes to come that are here already.
    known: u64,
}

/// What ends an attempt.
enum Trouble {
    /// Another may do better.
    Passing(Break),
    /// No other would.
    Lasting(Failure),
}

impl Fetch {
    pub(crate) fn new(
        client: ImageClient,
        id: &str,
        size: u64,
        prefer: Vec<String>,
        patience: Patience,
        pool: Pool,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Fetch {
            client,
            id: id.to_owned(),
            prefer,
            patience,
            progress,
            pool,
            size,
            at: 0,
            connection: None,
            piece: Bytes::new(),
            filling: None,
            attempts: 0,
            overran: false,
            failures: 0,
        }
    }

    /// Leaves out the first bytes; before anything is received.
    pub(crate) fn skip_to(&mut self, at: u64) {
        self.at = at;
    }

    /// Requests sent.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the data that came is wrong for certain. An answer of another length is not: nothing of
    /// it was taken, and a proxy may have given it.
    pub(crate) fn overran(&self) -> bool {
        self.overran
    }

    /// The next chunk, full unless it is the last; none behind the last byte.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost: another call goes on, and [`leave`](Fetch::leave) gives what there is.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if self.piece.is_empty() {
                if self.at == self.size {
                    self.connection = None;
                    return Ok(self.rest());
                }
                self.piece = self.receive().await?;
            }
            let (buffer, filled) = match &mut self.filling {
                Some(filling) => filling,
                None => {
                    let buffer =
                        self.pool.taken().await.map_err(|source| Failure::Memory { source })?;
                    self.filling.insert((buffer, 0))
                }
            };
            let space = &mut buffer.space()[*filled..];
            let count = space.len().min(self.piece.len());
            self.piece.copy_to_slice(&mut space[..count]);
            *filled += count;
            if count == space.len() {
                return Ok(self.rest());
            }
        }
    }

    /// All that was received and not handed out.
    pub(crate) fn leave(&mut self) -> impl Iterator<Item = Bytes> {
        let piece = std::mem::take(&mut self.piece);
        self.rest().into_iter().chain((!piece.is_empty()).then_some(piece))
    }

    /// The chunk in the making, as far as it is.
    fn rest(&mut self) -> Option<Bytes> {
        self.filling.take().map(|(buffer, filled)| buffer.into_chunk(filled))
    }

    /// The next bytes of the network, through all passing trouble.
    async fn receive(&mut self) -> Result<Bytes, Failure> {
        loop {
            let broken = match self.attempt().await {
                Ok(piece) => {
                    self.failures = 0;
                    return Ok(piece);
                }
                Err(Trouble::Lasting(failure)) => return Err(failure),
                Err(Trouble::Passing(broken)) => broken,
            };
            self.connection = None;
            if self.failures == self.patience.retries {
                return Err(Failure::GaveUp {
                    at: self.at,
                    attempts: self.attempts,
                    retries: self.failures,
                    source: broken,
                });
            }
            let pause = self.patience.before(self.failures);
            self.failures += 1;
            tracing::warn!(
                image = self.id,
                at = self.at,
                "{}; asking for the rest in {} ms",
                chain(&broken),
                pause.as_millis()
            );
            sleep(pause).await;
        }
    }

    async fn attempt(&mut self) -> Result<Bytes, Trouble> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        loop {
            let idle = self.patience.idle_timeout;
            let Ok(piece) = timeout(idle, connection.body.next()).await else {
                return Err(Trouble::Passing(Break::Stalled { seconds: idle.as_secs() }));
            };
            let Some(piece) = piece else {
                let (at, size) = (self.at, self.size);
                return Err(Trouble::Passing(Break::Short { at, size }));
            };
            let mut piece = piece.map_err(trouble)?;
            let known = piece.len().min(usize::try_from(connection.known).unwrap_or(usize::MAX));
            piece.advance(known);
            connection.known -= known as u64;
            if piece.is_empty() {
                continue;
            }
            let end = self.at + piece.len() as u64;
            if end > self.size {
                self.overran = true;
                return Err(Trouble::Lasting(self.other_size(&format!("at least {end}"))));
            }
            self.at = end;
            self.progress.sent(end);
            self.connection = Some(connection);
            return Ok(piece);
        }
    }

    async fn connect(&mut self) -> Result<Connection, Trouble> {
        self.attempts += 1;
        let options = ClientOptions::from_byte(self.at).with_prefer(&self.prefer);
        let body = self.client.download(&self.id, &options).await.map_err(trouble)?;
        if let Some(size) = body.size.filter(|size| *size != self.size) {
            return Err(Trouble::Lasting(self.other_size(&size.to_string())));
        }
        let Some(known) = self.at.checked_sub(body.first) else {
            return Err(Trouble::Passing(Break::Skipped { asked: self.at, first: body.first }));
        };
        if known > 0 {
            tracing::info!(image = self.id, known, "the service knows no ranges");
        }
        Ok(Connection { body, known })
    }

    fn other_size(&self, found: &str) -> Failure {
        Failure::Differs {
            what: DATA.to_owned(),
            field: "size",
            expected: self.size.to_string(),
            found: found.to_owned(),
        }
    }
}

/// What messages call the data.
pub(crate) const DATA: &str = "the downloaded data";

impl Patience {
    /// The pause behind so many failures before.
    pub(crate) fn before(&self, failures: u32) -> Duration {
        retry::pause(self.pause, LONGEST_PAUSE, failures)
    }
}

/// Long enough for a service that restarts, short enough for somebody who watches.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

fn trouble(error: ClientError) -> Trouble {
    if error.is_transient() {
        Trouble::Passing(Break::Client(error))
    } else {
        Trouble::Lasting(Failure::Client { during: "downloading the data", source: error })
    }
}
