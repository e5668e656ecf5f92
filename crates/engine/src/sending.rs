//! The bytes of one source on their way to one image: read, hashed, sent, and watched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imgpush_client::{Error as ClientError, Image, ImageClient, Status, UploadOptions};
use imgpush_digest::Algorithm;
use tokio::time::{sleep, timeout};

use crate::SourceError;
use crate::body::{ImageBody, Meter};
use crate::error::Failure;
use crate::formats::{Claim, Examined};
use crate::pipeline::{self, Produced, Read, Stop};
use crate::pool::Pool;
use crate::progress::{Phase, Progress};
use crate::source::Source;

/// Computed of every image: what Glance reports unless it is told otherwise.
pub(crate) const ALWAYS: [Algorithm; 2] = [Algorithm::Md5, Algorithm::Sha512];

/// Which data of the image is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `PUT …/file`: the image is active afterwards.
    File,
    /// `PUT …/stage`: it waits for an import.
    Stage,
}

/// How long silence is borne.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// While there is something to send.
    pub(crate) idle_timeout: Duration,
    /// Behind the last byte.
    pub(crate) finish_timeout: Duration,
}

/// The sending of a source to an image.
///
/// An answer that comes early ends it. A refused token is renewed once and the data sent again, if the
/// source has a way back. When the connection broke, the image is asked what came of it; one that has
/// all its data although the answer was lost counts as sent.
pub(crate) struct Sending<'a> {
    pub(crate) client: &'a ImageClient,
    pub(crate) id: &'a str,
    pub(crate) to: Target,
    /// Bytes there will be, as the service is told.
    pub(crate) announced: Option<u64>,
    /// What the bytes have to be.
    pub(crate) claim: Option<&'a Claim>,
    pub(crate) patience: Patience,
    pub(crate) progress: &'a Arc<dyn Progress>,
}

/// A source that was sent.
pub(crate) struct Sent {
    pub(crate) produced: Produced,
    /// What the bytes are, where that was claimed.
    pub(crate) examined: Option<Examined>,
    /// Back at its end.
    pub(crate) source: Box<dyn Source>,
    /// How often the data was sent.
    pub(crate) attempts: u32,
}

impl Sending<'_> {
    /// Sends it. `head` holds the chunks that were read already.
    pub(crate) async fn run(
        &self,
        source: Box<dyn Source>,
        head: Vec<Bytes>,
        pool: &Pool,
    ) -> Result<Sent, Failure> {
        let mut attempts = 1;
        let mut sent = self.send(source, head, pool).await;
        if let Err(Unsent { failure: Failure::Client { source, .. }, back: Some(mut back) }) = sent
        {
            // Only a refused token leaves a source to send again.
            attempts += 1;
            let failed = |source| Failure::Client { during: "renewing the token", source };
            if !self.client.renew().await.map_err(failed)? {
                return Err(Failure::Client { during: SENDING, source });
            }
            back.rewind()
                .expect("send() gives back only what can be rewound")
                .to_start()
                .map_err(Failure::Source)?;
            sent = self.send(back, Vec::new(), pool).await;
        }
        let (Read { produced, examined }, source) = sent.map_err(|unsent| unsent.failure)?;
        Ok(Sent { produced, examined, source, attempts })
    }

    async fn send(
        &self,
        source: Box<dyn Source>,
        head: Vec<Bytes>,
        pool: &Pool,
    ) -> Result<(Read, Box<dyn Source>), Unsent> {
        let size = source.size();
        let name = source.name().to_owned();
        let flow = pipeline::start(source, head, pool.clone(), &ALWAYS, self.claim.cloned())
            .map_err(|source| Failure::Source(SourceError::Read { name, at: 0, source }))?;
        let meter = Meter::new(Arc::clone(self.progress));
        let body = ImageBody::new(flow.queue, size, Arc::clone(&meter));
        self.enter(Phase::Sending);
        let options = UploadOptions::sized(self.announced);
        let put = async {
            match self.to {
                Target::File => self.client.upload(self.id, body, &options).await,
                Target::Stage => self.client.stage(self.id, body, &options).await,
            }
        };
        let answer = tokio::select! {
            answer = put => answer.map_err(Halt::Client),
            stalled = self.watch(&meter) => Err(Halt::Stalled(stalled)),
        };

        // The reader ends when its queue is gone; only one that hangs in a read does not.
        let outcome = timeout(READER_TIMEOUT, flow.outcome).await.ok().and_then(Result::ok);
        let sent = meter.sent();
        match (answer, outcome) {
            (answer, Some(outcome)) => match (answer, outcome.result) {
                (Ok(()), Ok(read)) => Ok((read, outcome.source)),
                // A source that failed cut the connection; that is no failure of the network.
                (Err(Halt::Client(ClientError::Transport { .. })), Err(Stop::Source(error))) => {
                    Err(Failure::Source(error).into())
                }
                (Err(Halt::Client(ClientError::Transport { .. })), Err(Stop::Claim(failure))) => {
                    Err(failure.into())
                }
                (Err(Halt::Client(source @ ClientError::Unauthorized(_))), _) => {
                    let mut back = outcome.source;
                    let back = back.rewind().is_some().then_some(back);
                    let failure = Failure::Client { during: SENDING, source };
                    Err(Unsent { failure, back })
                }
                // All was read and all was sent: the answer may just have been lost.
                (Err(halt), Ok(read)) if meter.ended() && halt.is_silence() => {
                    let state = self.settled().await;
                    match state {
                        Ok(image) if self.has_all(&image, read.produced.bytes) => {
                            tracing::warn!("the answer was lost, but the data is there");
                            Ok((read, outcome.source))
                        }
                        state => Err(halt.into_failure(sent, &state).into()),
                    }
                }
                (Err(halt), _) => Err(self.halted(sent, halt).await.into()),
                (Ok(()), Err(_)) => Err(self.answered_early(sent).await.into()),
            },
            (Err(halt), None) => Err(self.halted(sent, halt).await.into()),
            (Ok(()), None) => Err(self.answered_early(sent).await.into()),
        }
    }

    /// Whether the image shows that all data arrived. That it is the right data is asked later.
    fn has_all(&self, image: &Image, bytes: u64) -> bool {
        match self.to {
            Target::File => image.status() == Status::Active,
            Target::Stage => image.status() == Status::Uploading && image.size() == Some(bytes),
        }
    }

    async fn halted(&self, sent: u64, halt: Halt) -> Failure {
        if !halt.is_silence() {
            return halt.into_failure(sent, &Err(String::new()));
        }
        let state = self.settled().await;
        halt.into_failure(sent, &state)
    }

    /// A success before the end of the data cannot be one.
    async fn answered_early(&self, sent: u64) -> Failure {
        let state = state_of(&self.settled().await);
        Failure::Broken { sent, state, source: None }
    }

    /// Returns when nothing has moved for too long, with the seconds it took.
    async fn watch(&self, meter: &Meter) -> u64 {
        let mut finishing: Option<Instant> = None;
        loop {
            sleep(WATCH_INTERVAL).await;
            if meter.ended() {
                let since = *finishing.get_or_insert_with(|| {
                    self.enter(Phase::Finishing);
                    Instant::now()
                });
                if since.elapsed() > self.patience.finish_timeout {
                    return self.patience.finish_timeout.as_secs();
                }
            } else if meter.idle() > self.patience.idle_timeout {
                return self.patience.idle_timeout.as_secs();
            }
        }
    }

    /// The image once the server has noticed that its upload is over, or why it cannot be had.
    async fn settled(&self) -> Result<Image, String> {
        let asking = async {
            loop {
                match self.client.image(self.id).await {
                    Ok(image) if image.status() == Status::Saving => sleep(SETTLE_INTERVAL).await,
                    Ok(image) => return Ok(image),
                    Err(error) => return Err(error.to_string()),
                }
            }
        };
        match timeout(SETTLE_TIMEOUT, asking).await {
            Ok(state) => state,
            // One last look, without waiting for it to change.
            Err(_) => match timeout(SETTLE_TIMEOUT, self.client.image(self.id)).await {
                Ok(image) => image.map_err(|error| error.to_string()),
                Err(_) => Err("the service does not answer".to_owned()),
            },
        }
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(image = self.id, "{}", phase.name());
        self.progress.phase(phase);
    }
}

const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// A reader that is not stuck in a read is back within one chunk's hashing.
const READER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a server may take to notice that an upload is over.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
const SETTLE_INTERVAL: Duration = Duration::from_millis(200);
const SENDING: &str = "sending the data";

/// Data that did not arrive, and the source back when it may be sent again.
struct Unsent {
    failure: Failure,
    back: Option<Box<dyn Source>>,
}

impl From<Failure> for Unsent {
    fn from(failure: Failure) -> Self {
        Unsent { failure, back: None }
    }
}

/// Why sending ended early.
enum Halt {
    Client(ClientError),
    /// Nothing moved for so many seconds.
    Stalled(u64),
}

impl Halt {
    /// Whether the server said nothing, so that only the image can tell.
    fn is_silence(&self) -> bool {
        match self {
            Halt::Client(error) => error.answer().is_none(),
            Halt::Stalled(_) => true,
        }
    }

    fn into_failure(self, sent: u64, state: &Result<Image, String>) -> Failure {
        match self {
            Halt::Client(source) if source.answer().is_some() => {
                Failure::Client { during: SENDING, source }
            }
            Halt::Client(source) => {
                Failure::Broken { sent, state: state_of(state), source: Some(Box::new(source)) }
            }
            Halt::Stalled(seconds) => Failure::Stalled { seconds, sent, state: state_of(state) },
        }
    }
}

/// What messages say of an image that was asked for.
pub(crate) fn state_of(image: &Result<Image, String>) -> String {
    match image {
        Ok(image) => format!("the image is {}", image.status()),
        Err(reason) => format!("the image cannot be asked: {reason}"),
    }
}
