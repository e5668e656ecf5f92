//! The upload of one branch to one image: sends the data, enforces the time-outs, and determines the result.
//!
//! Called by `push::job` and `push::stage` with a branch of [`passes`](super::passes). The data leaves
//! through `imgpush_client`'s `data` as an HTTP body. For every end it promises to report whether the image
//! has all the data: after a lost response it fetches the image, and an early response ends the upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imgpush_client::{Error as ClientError, Image, ImageClient, Status, UploadOptions};
use tokio::time::{sleep, timeout};

use super::branch::Branch;
use super::error::TransferError;
use super::pass::READER_TIMEOUT;
use super::sink::{Body, ImageData, ImageSink, Meter, Sink as _, SinkError};
use super::traffic::Traffic;
use crate::integrity::Produced;
use crate::progress::{Phase, Progress};
use crate::timing::{Step, Stopwatch};

/// Time-outs of one upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadTimeouts {
    /// While there is data to send.
    pub(crate) idle_timeout: Duration,
    /// After the last byte.
    pub(crate) finish_timeout: Duration,
    /// Until the service has noticed that an upload is over.
    pub(crate) settle_timeout: Duration,
}

/// One attempt to upload a source to an image.
///
/// An early response ends it. If the connection broke, or if the response may come from a proxy, the image is
/// fetched to determine the result. An image that has all its data although the response was lost counts as
/// uploaded.
pub(crate) struct Upload<'a> {
    pub(crate) client: &'a ImageClient,
    pub(crate) id: &'a str,
    pub(crate) data: ImageData,
    /// The store, and the size that is declared to the service.
    pub(crate) options: UploadOptions,
    /// The size of the source, if it is known.
    pub(crate) size: Option<u64>,
    pub(crate) timeouts: UploadTimeouts,
    pub(crate) progress: &'a Arc<dyn Progress>,
    /// The traffic of all uploads of this process to the service.
    pub(crate) traffic: Option<&'a Traffic>,
    /// Records the times of the target.
    pub(crate) watch: &'a Arc<Stopwatch>,
    /// Set once the last byte is sent, and reset if the service has rejected the data. While it is set, the
    /// service may have all data, even if this future is dropped.
    pub(crate) may_be_complete: Option<&'a AtomicBool>,
}

/// A failed attempt.
pub(crate) struct UploadFailure {
    pub(crate) error: TransferError,
    /// The status of the image, if it was fetched.
    pub(crate) status: Option<Status>,
}

impl UploadFailure {
    /// Whether it is certain that the service does not keep the data, although all of it was sent: it has
    /// rejected the data, or the record shows that the upload is over. After a server error, which may come
    /// from a proxy, or without a response, only the record can tell.
    fn is_over(&self) -> bool {
        match (&self.error, &self.status) {
            (TransferError::Client { source, .. }, _) if !source.is_transient() => {
                source.answer().is_some()
            }
            (_, Some(status)) => !matches!(status, Status::Saving | Status::Active),
            (_, None) => false,
        }
    }
}

impl From<TransferError> for UploadFailure {
    fn from(error: TransferError) -> Self {
        UploadFailure { error, status: None }
    }
}

impl Upload<'_> {
    /// Uploads the data of the branch.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub(crate) async fn run(&self, branch: Branch) -> Result<Produced, UploadFailure> {
        let was_complete = self.may_be_complete.is_some_and(|flag| flag.load(Ordering::Relaxed));
        let sent = self.send(branch).await;
        if let (Err(failed), Some(flag)) = (&sent, self.may_be_complete)
            && failed.is_over()
        {
            flag.store(was_complete, Ordering::Relaxed);
        }
        sent
    }

    async fn send(&self, branch: Branch) -> Result<Produced, UploadFailure> {
        self.enter(Phase::Sending);
        self.watch.enter(Some(Step::Send));
        let meter = Meter::new(Arc::clone(self.progress), Arc::clone(self.watch));
        let mut end = branch.end.clone();
        let body = Body::new(branch, self.size, Arc::clone(&meter));
        let mut sink =
            ImageSink::new(self.client.clone(), self.id, self.data, self.options.clone());
        let (answer, outcome) = {
            let _open = Open { meter: &meter, may_be_complete: self.may_be_complete };
            let mut outcome = None;
            let put = sink.take(body);
            let watch = self.watch(&meter);
            tokio::pin!(put, watch);
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut put => break answer.map_err(EarlyEnd::from),
                    ended = end.wait_for(Option::is_some), if outcome.is_none() => {
                        // A connection that accepts no data does not notice that its body ends with an error.
                        // Only if the receiver has closed the branch is a response about to arrive.
                        let ended = ended.ok().and_then(|end| end.clone());
                        let may_continue =
                            matches!(ended, Some(Ok(_) | Err(TransferError::Unwanted)));
                        outcome = Some(ended);
                        if !may_continue {
                            break Err(EarlyEnd::Incomplete);
                        }
                    }
                    early_end = &mut watch => break Err(early_end),
                }
            };
            // The pass ends a branch when its queue is closed, unless it hangs in a read.
            let outcome = match outcome {
                Some(outcome) => outcome,
                None => {
                    let end = timeout(READER_TIMEOUT, end.wait_for(Option::is_some)).await;
                    end.ok().and_then(Result::ok).and_then(|end| end.clone())
                }
            };
            (answer, outcome)
        };
        match (&answer, self.traffic) {
            (Ok(()), Some(traffic)) => traffic.moved(),
            (Ok(()), None) => {}
            (Err(_), _) => self.watch.enter(Some(Step::RetryPauses)),
        }
        let sent = meter.sent();
        match (answer, outcome) {
            (Ok(()), Some(Ok(produced))) if meter.ended() => Ok(produced),
            // A success before the end of the data is invalid.
            (Ok(()), _) => Err(self
                .with_image_state(EarlyEnd::Incomplete, sent, self.timeouts.settle_timeout)
                .await),
            // A failed source or a closed gate aborted the request; it is not a failure of the network.
            (
                Err(early_end),
                Some(Err(error @ (TransferError::Source(_) | TransferError::Withheld))),
            ) if early_end.has_no_response() => Err(error.into()),
            (Err(early_end), Some(Err(TransferError::TooSlow))) if early_end.has_no_response() => {
                let mut failed =
                    self.with_image_state(early_end, sent, self.timeouts.settle_timeout).await;
                failed.error = TransferError::TooSlow;
                Err(failed)
            }
            // All data was read and sent. The response may be lost, and a proxy may respond while the service
            // is still saving.
            (Err(early_end), Some(Ok(produced))) if meter.ended() && early_end.needs_lookup() => {
                let time_limit = match &early_end {
                    EarlyEnd::Client(error) if error.answer().is_some() => {
                        self.timeouts.finish_timeout
                    }
                    _ => self.timeouts.settle_timeout,
                };
                match self.settled(time_limit).await {
                    Ok(image) if has_all_data(&image, self.data, Some(produced.bytes)) => {
                        tracing::warn!("the response was lost, but the image has all data");
                        Ok(produced)
                    }
                    state => Err(early_end.into_failure(sent, &state)),
                }
            }
            (Err(early_end), _) if early_end.needs_lookup() => {
                Err(self.with_image_state(early_end, sent, self.timeouts.settle_timeout).await)
            }
            (Err(early_end), _) => Err(early_end.into_failure(sent, &Err(String::new()))),
        }
    }

    async fn with_image_state(
        &self,
        early_end: EarlyEnd,
        sent: u64,
        time_limit: Duration,
    ) -> UploadFailure {
        let state = self.settled(time_limit).await;
        early_end.into_failure(sent, &state)
    }

    async fn settled(&self, time_limit: Duration) -> Result<Image, String> {
        settled(self.client, self.id, self.data, time_limit).await
    }

    /// Returns when a time-out has expired.
    async fn watch(&self, meter: &Meter) -> EarlyEnd {
        let mut finishing: Option<Instant> = None;
        let mut seen = 0;
        loop {
            sleep(WATCH_INTERVAL).await;
            if let Some(traffic) = self.traffic.filter(|_| meter.sent() > seen) {
                seen = meter.sent();
                traffic.moved();
            }
            if meter.ended() {
                let since = *finishing.get_or_insert_with(|| {
                    self.enter(Phase::Finishing);
                    Instant::now()
                });
                if since.elapsed() > self.timeouts.finish_timeout {
                    return EarlyEnd::Unanswered(self.timeouts.finish_timeout.as_secs());
                }
            } else if meter.idle() > self.timeouts.idle_timeout && !self.is_not_accepted_yet(meter)
            {
                return EarlyEnd::Stalled(self.timeouts.idle_timeout.as_secs());
            }
        }
    }

    /// Whether the service has not started to read, because its workers are occupied by other uploads of this
    /// process. A connection that is not accepted yet takes only as much data as its buffers hold.
    fn is_not_accepted_yet(&self, meter: &Meter) -> bool {
        let is_busy = |traffic: &Traffic| traffic.idle() < self.timeouts.idle_timeout;
        meter.sent() <= SOCKET_BUFFER_BYTES && self.traffic.is_some_and(is_busy)
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(image = self.id, "{}", phase.name());
        self.progress.phase(phase);
    }
}

/// Guard of an upload in progress, which may be aborted or dropped.
struct Open<'a> {
    meter: &'a Meter,
    may_be_complete: Option<&'a AtomicBool>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.meter.stop();
        if let Some(flag) = self.may_be_complete.filter(|_| self.meter.ended()) {
            flag.store(true, Ordering::Relaxed);
        }
    }
}

/// Fetches the image until the service has noticed the end of the upload, or until the time-out. Returns its
/// last state, or why it could not be fetched. Transient errors, such as those of a restarting service, are
/// retried.
async fn settled(
    client: &ImageClient,
    id: &str,
    data: ImageData,
    time_limit: Duration,
) -> Result<Image, String> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = time_limit.saturating_sub(start.elapsed());
        let state = match timeout(left.max(LAST_REQUEST_TIMEOUT), client.image(id)).await {
            Ok(Ok(image)) if !is_waiting_for_data(&image, data) => return Ok(image),
            Ok(Err(error)) if !error.is_transient() => return Err(error.to_string()),
            Ok(state) => state.map_err(|error| error.to_string()),
            Err(_) => Err("the service does not answer".to_owned()),
        };
        if start.elapsed() + pause > time_limit {
            return state;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the service is still waiting for data. Completely staged data has a size.
fn is_waiting_for_data(image: &Image, data: ImageData) -> bool {
    match data {
        ImageData::File => image.status() == Status::Saving,
        ImageData::Stage => image.status() == Status::Uploading && image.size().is_none(),
    }
}

/// Whether the image has received all data, of this size if it is known. The content is compared later.
fn has_all_data(image: &Image, data: ImageData, bytes: Option<u64>) -> bool {
    match (data, image.size()) {
        (ImageData::File, _) => image.status() == Status::Active,
        (ImageData::Stage, Some(size)) => {
            image.status() == Status::Uploading && bytes.is_none_or(|bytes| bytes == size)
        }
        (ImageData::Stage, None) => false,
    }
}

/// The data of an image after an earlier attempt.
pub(crate) enum StoredData {
    Nothing,
    All(Box<Image>),
}

/// Determines whether a failed attempt has stored the data after all. For a moment after a connection broke,
/// a service returns the old state of the image.
pub(crate) async fn stored_data(
    client: &ImageClient,
    id: &str,
    data: ImageData,
    time_limit: Duration,
) -> Result<StoredData, UploadFailure> {
    let state = settled(client, id, data, time_limit).await;
    match state {
        Ok(image) if image.status() == Status::Queued => Ok(StoredData::Nothing),
        Ok(image) if has_all_data(&image, data, None) => Ok(StoredData::All(Box::new(image))),
        state => {
            let status = state.as_ref().ok().map(Image::status);
            let state = state_of(&state);
            Err(UploadFailure {
                error: TransferError::Broken { sent: 0, state, source: None },
                status,
            })
        }
    }
}

/// Upper limit of the buffers of both sides of a connection.
const SOCKET_BUFFER_BYTES: u64 = 16 << 20;
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// Pauses between two requests for an image.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Time-out of the last request.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const SENDING: &str = "send the data";

/// Why an upload ended early.
enum EarlyEnd {
    Client(ClientError),
    /// No data moved for this number of seconds.
    Stalled(u64),
    /// The last byte was sent, and no response came for this number of seconds.
    Unanswered(u64),
    /// A success response before the end of the data, or an error of the body.
    Incomplete,
}

impl From<SinkError> for EarlyEnd {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Client(error) => EarlyEnd::Client(error),
            SinkError::Io(_) | SinkError::Cut(_) => EarlyEnd::Incomplete,
        }
    }
}

impl EarlyEnd {
    /// Whether there was no response.
    fn has_no_response(&self) -> bool {
        match self {
            EarlyEnd::Client(error) => error.answer().is_none(),
            EarlyEnd::Stalled(_) | EarlyEnd::Unanswered(_) | EarlyEnd::Incomplete => true,
        }
    }

    /// Whether the image has to be fetched to determine the result. A rejection is conclusive. A rejected
    /// token is not, as it concerns no data; nor is a server error, which may come from a proxy.
    fn needs_lookup(&self) -> bool {
        match self {
            EarlyEnd::Client(ClientError::Unauthorized(_)) => true,
            EarlyEnd::Client(error) => error.answer().is_none() || error.is_transient(),
            EarlyEnd::Stalled(_) | EarlyEnd::Unanswered(_) | EarlyEnd::Incomplete => true,
        }
    }

    fn into_failure(self, sent: u64, image: &Result<Image, String>) -> UploadFailure {
        let state = state_of(image);
        let error = match self {
            EarlyEnd::Client(source) if source.answer().is_some() => {
                TransferError::Client { during: SENDING, source: Arc::new(source) }
            }
            EarlyEnd::Client(source) => {
                TransferError::Broken { sent, state, source: Some(Arc::new(source)) }
            }
            EarlyEnd::Stalled(seconds) => TransferError::Stalled { seconds, sent, state },
            EarlyEnd::Unanswered(seconds) => TransferError::Unanswered { seconds, state },
            EarlyEnd::Incomplete => TransferError::Broken { sent, state, source: None },
        };
        UploadFailure { error, status: image.as_ref().ok().map(Image::status) }
    }
}

/// Describes the state of an image for error messages.
pub(crate) fn state_of(image: &Result<Image, String>) -> String {
    match image {
        Ok(image) => format!("the image is {}", image.status()),
        Err(reason) => format!("the status of the image is not known: {reason}"),
    }
}
