//! The requests for one file, over as many connections as it takes.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_RANGE, IF_RANGE, RANGE};
use reqwest::header::{RETRY_AFTER, TRANSFER_ENCODING};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::time::{sleep, timeout};
use url::Url;

use super::options::HttpOptions;
use super::range::{ContentRange, Version};
use crate::backoff::RetryPolicy;
use crate::error::{Interruption, SourceError};

pub(super) struct Connection {
    /// What messages call the file.
    pub(super) name: String,
    /// With user and password, where it has any; the client sends them to no other server.
    pub(super) url: Url,
    /// Where redirects led, when that is another server: the rest is asked for there, since the next
    /// mirror may have another version.
    landed: Option<Url>,
    client: Client,
    retry: RetryPolicy,
    /// Bytes of the file, where the server says.
    pub(super) size: Option<u64>,
    /// Of the first answer.
    pub(super) version: Option<Version>,
    takes_ranges: bool,
    /// Bytes received.
    at: u64,
    /// Whether a body of unknown size has come to its end.
    ended: bool,
    body: Option<Response>,
    attempts: u32,
    /// Requests in a row that brought nothing.
    failures: u32,
}

/// What ends an attempt.
enum Trouble {
    /// Another may do better, after this time at the earliest.
    Passing(Interruption, Duration),
    /// No other would.
    Lasting(SourceError),
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Trouble::Lasting(error)
    }
}

impl From<Interruption> for Trouble {
    fn from(broken: Interruption) -> Self {
        Trouble::Passing(broken, Duration::ZERO)
    }
}

impl Connection {
    pub(super) fn new(name: String, url: Url, options: HttpOptions) -> Result<Self, SourceError> {
        let HttpOptions { idle_timeout, retries, pause } = options;
        // Another one that is there already will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("imgpush/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::custom(follow))
            // It would show the next server an address with its signature.
            .referer(false)
            // A file may be packed, and its server say so; what it has is taken as it is.
            .no_gzip()
            .no_deflate()
            .no_brotli()
            .no_zstd()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE)
            .build()
            .map_err(|error| SourceError::Unreachable {
                name: name.clone(),
                source: error.into(),
            })?;
        Ok(Connection {
            name,
            url,
            landed: None,
            client,
            retry: RetryPolicy::new(idle_timeout, retries, pause),
            size: None,
            version: None,
            takes_ranges: false,
            at: 0,
            ended: false,
            body: None,
            attempts: 0,
            failures: 0,
        })
    }

    /// Asks for the file, and learns what it is.
    pub(super) async fn open(&mut self) -> Result<(), SourceError> {
        loop {
            match self.rest().await {
                Ok(body) => {
                    self.body = Some(body);
                    return Ok(());
                }
                Err(trouble) => self.bear(trouble).await?,
            }
        }
    }

    /// The next bytes, through all passing trouble; none at the end.
    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>, SourceError> {
        while !self.ended && self.size != Some(self.at) {
            match self.piece().await {
                Ok(Some(piece)) => {
                    self.failures = 0;
                    return Ok(Some(piece));
                }
                Ok(None) => self.ended = true,
                Err(trouble) => self.bear(trouble).await?,
            }
        }
        self.body = None;
        Ok(None)
    }

    /// Makes the next bytes the first again.
    pub(super) fn restart(&mut self) {
        self.body = None;
        self.at = 0;
        self.ended = false;
    }

    /// Whether parts can be had.
    pub(super) fn has_parts(&self) -> bool {
        self.takes_ranges && self.size.is_some()
    }

    /// Fills `space` with what is at `offset`, as far as there is something.
    pub(super) async fn read_at(
        &mut self,
        offset: u64,
        space: &mut [u8],
    ) -> Result<usize, SourceError> {
        let there = self.size.unwrap_or_default().saturating_sub(offset);
        let wanted = space.len().min(usize::try_from(there).unwrap_or(usize::MAX));
        let mut filled = 0;
        while filled < wanted {
            match self.part(offset + filled as u64, &mut space[filled..wanted]).await {
                Ok(count) => {
                    self.failures = 0;
                    filled += count;
                }
                Err(trouble) => self.bear(trouble).await?,
            }
        }
        Ok(filled)
    }

    pub(super) fn failed(&self, source: std::io::Error) -> SourceError {
        SourceError::Read { name: self.name.clone(), at: self.at, source }
    }

    /// Waits until it may be tried again, or gives up.
    async fn bear(&mut self, trouble: Trouble) -> Result<(), SourceError> {
        let (source, least) = match trouble {
            Trouble::Lasting(error) => return Err(error),
            Trouble::Passing(broken, least) => (broken, least),
        };
        if self.failures == self.retry.retries {
            let (name, at, attempts) = (self.name.clone(), self.at, self.attempts);
            return Err(SourceError::GaveUp { name, at, attempts, source });
        }
        let pause = self.retry.before(self.failures).max(least);
        self.failures += 1;
        let pause_ms = pause.as_millis();
        tracing::warn!(source = self.name, at = self.at, pause_ms, "{source}; trying again");
        sleep(pause).await;
        Ok(())
    }

    /// The next bytes of the body; none at the end of one of unknown size.
    async fn piece(&mut self) -> Result<Option<Bytes>, Trouble> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.rest().await?,
        };
        loop {
            let piece = self.in_time(body.chunk()).await?.map_err(broken)?;
            let Some(piece) = piece else {
                let Some(size) = self.size else { return Ok(None) };
                return Err(Interruption::Short { at: self.at, size }.into());
            };
            if piece.is_empty() {
                continue;
            }
            let first = self.at;
            self.at += piece.len() as u64;
            if self.size.is_some_and(|size| self.at > size) {
                return Err(self.too_much(first));
            }
            self.body = Some(body);
            return Ok(Some(piece));
        }
    }

    /// Reads a part, or the beginning of it.
    async fn part(&mut self, first: u64, space: &mut [u8]) -> Result<usize, Trouble> {
        let mut body = self.ask(first, Some(first + space.len() as u64 - 1)).await?;
        let mut filled = 0;
        while let Some(piece) = self.in_time(body.chunk()).await?.map_err(broken)? {
            let Some(place) = space.get_mut(filled..filled + piece.len()) else {
                return Err(self.too_much(first));
            };
            place.copy_from_slice(&piece);
            filled += piece.len();
        }
        Ok(filled)
    }

    /// An answer with all bytes that have not come yet.
    async fn rest(&mut self) -> Result<Response, Trouble> {
        let version = self.version.as_ref();
        if self.at > 0 && version.is_none_or(|version| version.validator().is_none()) {
            return Err(self.not_resumable("its server has nothing to tell a changed file by"));
        }
        self.ask(self.at, None).await
    }

    /// An answer with the bytes from `first` to `last`, or to the end, of the file as it was at the start.
    async fn ask(&mut self, first: u64, last: Option<u64>) -> Result<Response, Trouble> {
        let is_part = first > 0 || last.is_some();
        let response = loop {
            self.attempts += 1;
            let address = self.landed.as_ref().unwrap_or(&self.url).clone();
            let mut request = self.client.get(address).header(ACCEPT_ENCODING, "identity");
            if is_part {
                let last = last.map(|last| last.to_string()).unwrap_or_default();
                request = request.header(RANGE, format!("bytes={first}-{last}"));
                if let Some(version) = self.version.as_ref().and_then(Version::validator) {
                    request = request.header(IF_RANGE, version);
                }
            }
            let response = self.in_time(request.send()).await?;
            let response = response.map_err(|error| self.not_sent(error))?;
            // Such an address may hold for some minutes only; the first one leads to another.
            let is_stale = response.status().is_client_error() && self.landed.take().is_some();
            if !is_stale {
                break response;
            }
        };
        let status = response.status();
        tracing::debug!(source = self.name, first, status = status.as_u16(), "answered");
        match status {
            StatusCode::OK if is_part => Err(self.whole_again(&response)),
            StatusCode::OK => self.check_whole(&response).map(|()| response),
            StatusCode::PARTIAL_CONTENT if is_part => {
                self.check_part(&response, first, last).map(|()| response)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if is_part => Err(self.changed()),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(busy(&response)),
            status if status.is_server_error() => Err(busy(&response)),
            status => Err(SourceError::Refused { name: self.name.clone(), status }.into()),
        }
    }

    /// Learns from the first answer, and holds others against it.
    fn check_whole(&mut self, response: &Response) -> Result<(), Trouble> {
        let version = Version::of(response.headers());
        let size = response.content_length();
        if size.is_none() && !response.headers().contains_key(TRANSFER_ENCODING) {
            return Err(SourceError::Endless { name: self.name.clone() }.into());
        }
        match &self.version {
            Some(known) if known.differs(&version) || self.size != size => {
                return Err(self.changed());
            }
            Some(_) => {}
            None => {
                let accepts = response.headers().get(ACCEPT_RANGES);
                self.takes_ranges = accepts.is_some_and(|unit| unit == "bytes");
                self.version = Some(version);
                self.size = size;
            }
        }
        if response.url().origin() != self.url.origin() {
            self.landed = Some(response.url().clone());
        }
        Ok(())
    }

    /// Makes sure that these are the bytes asked for.
    fn check_part(
        &mut self,
        response: &Response,
        first: u64,
        last: Option<u64>,
    ) -> Result<(), Trouble> {
        if self.is_other(response) {
            return Err(self.changed());
        }
        let wrong = || {
            let found = response.headers().get(CONTENT_RANGE).and_then(|text| text.to_str().ok());
            let found = found.unwrap_or("no Content-Range").to_owned();
            SourceError::WrongRange { name: self.name.clone(), asked: first, found }
        };
        let range = ContentRange::of(response.headers()).ok_or_else(wrong)?;
        if range.first != first
            || last.is_some_and(|last| range.last > last)
            || response.content_length().is_some_and(|length| length != range.length())
        {
            return Err(wrong().into());
        }
        match (self.size, range.total) {
            (Some(size), Some(total)) if size != total => Err(self.changed()),
            (Some(size), None) if range.last >= size => Err(wrong().into()),
            (None, None) => Err(self.not_resumable("its server does not say how long it is")),
            (size, total) => {
                self.size = size.or(total);
                Ok(())
            }
        }
    }

    /// Why an answer has all of the file where a part was asked for.
    fn whole_again(&self, response: &Response) -> Trouble {
        let size = response.content_length();
        let has_other_size = size.is_some() && self.size.is_some() && size != self.size;
        if has_other_size || self.is_other(response) {
            self.changed()
        } else {
            self.not_resumable("its server knows no ranges")
        }
    }

    fn is_other(&self, response: &Response) -> bool {
        let version = Version::of(response.headers());
        self.version.as_ref().is_some_and(|known| known.differs(&version))
    }

    /// An answer without a length of its own has more than was asked for.
    fn too_much(&self, asked: u64) -> Trouble {
        let found = "more bytes than that".to_owned();
        SourceError::WrongRange { name: self.name.clone(), asked, found }.into()
    }

    fn changed(&self) -> Trouble {
        SourceError::Changed { name: self.name.clone() }.into()
    }

    fn not_resumable(&self, reason: &'static str) -> Trouble {
        SourceError::NotResumable { name: self.name.clone(), at: self.at, reason }.into()
    }

    fn not_sent(&self, error: reqwest::Error) -> Trouble {
        // A name that is wrong, a port where nobody is: told at once, unless it was right before.
        let is_first = error.is_connect() && self.version.is_none();
        if is_first || error.is_redirect() || error.is_builder() {
            let source = error.without_url().into();
            return SourceError::Unreachable { name: self.name.clone(), source }.into();
        }
        broken(error)
    }

    /// Waits for something of the server. The client's own time-out for that also counts the time in
    /// which nobody reads, and a push may be slow.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let idle = self.retry.idle_timeout;
        let stalled = |_| Interruption::Stalled { seconds: idle.as_secs() }.into();
        timeout(idle, work).await.map_err(stalled)
    }
}

fn broken(error: reqwest::Error) -> Trouble {
    Interruption::Transport(error.without_url().into()).into()
}

/// An answer of a server that may give the file later.
fn busy(response: &Response) -> Trouble {
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|text| text.to_str().ok()?.parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    let least = retry_after.unwrap_or_default().min(LONGEST_WAIT);
    Trouble::Passing(Interruption::Unavailable { status: response.status(), retry_after }, least)
}

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let is_safe = attempt.url().scheme() == "https";
    let was_safe = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error("there are too many redirects")
    } else if was_safe && !is_safe {
        attempt.error("it leads from https to http, where anybody on the way may change it")
    } else {
        attempt.follow()
    }
}

/// What browsers and curl bear is more; what makes sense is less.
const MOST_REDIRECTS: usize = 10;
/// Long enough for a far server, short enough to tell a wrong address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The most that a server may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
