//! The requests for one file, over one or more connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_RANGE, HeaderMap, IF_RANGE};
use reqwest::header::{LOCATION, RANGE, TRANSFER_ENCODING};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{sleep, timeout};
use url::Url;

use super::client::{Followed, MAX_REDIRECTS, TOO_MANY_REDIRECTS, client, header, headers};
use super::options::{Credentials, HttpOptions};
use super::proxy;
use super::range::{ContentRange, Version};
use super::retry_after::retry_after;
use crate::address::shown_url;
use crate::backoff::RetryPolicy;
use crate::error::{Interruption, SourceError};

pub(super) struct Connection {
    /// The name of the file in messages.
    pub(super) name: String,
    /// The address with user and password, if it has them; the client sends them to no other server.
    pub(super) url: Url,
    /// The final address of the redirects, if it is on another server. Later requests go there, since another
    /// mirror may have another version.
    redirected_to: Option<Url>,
    client: Client,
    /// Headers for the server of the address only.
    headers: HeaderMap,
    credentials: Option<Arc<dyn Credentials>>,
    retry: RetryPolicy,
    /// The configured proxy, for messages.
    proxy: Option<String>,
    /// The last redirect that the client has followed, for messages.
    followed: Followed,
    /// Bytes of the file, if the caller or the server reports them.
    pub(super) size: Option<u64>,
    /// Bytes of the file according to the caller.
    declared_size: Option<u64>,
    /// Whether a response may end with its connection.
    accepts_unmarked_end: bool,
    /// The version in the first response.
    pub(super) version: Option<Version>,
    accepts_ranges: bool,
    /// Whether a range that was requested to look ahead was not usable.
    has_failed_ranges: bool,
    /// Whether the last pass ended since no response could continue it. The next pass may read another
    /// version.
    starts_over: bool,
    /// Bytes received.
    at: u64,
    /// Whether a body of unknown size has ended.
    ended: bool,
    body: Option<Response>,
    attempts: u32,
    /// Consecutive requests without a received byte.
    failures: u32,
    /// Responses that ended without an interruption, but before the last byte requested. Received bytes do
    /// not reset this: a server that sends one byte per request would otherwise be requested endlessly.
    short_responses: u32,
}

/// An attempt that failed.
enum AttemptError {
    /// Another attempt may succeed, after this time at the earliest.
    Transient(Interruption, Duration),
    /// No attempt can succeed.
    Permanent(SourceError),
}

impl From<SourceError> for AttemptError {
    fn from(error: SourceError) -> Self {
        AttemptError::Permanent(error)
    }
}

impl From<Interruption> for AttemptError {
    fn from(interruption: Interruption) -> Self {
        AttemptError::Transient(interruption, Duration::ZERO)
    }
}

impl Connection {
    pub(super) fn new(name: String, url: Url, options: &HttpOptions) -> Result<Self, SourceError> {
        let followed = Followed::default();
        let client = client(options, &name, &followed)?;
        let headers = headers(options, &name)?;
        Ok(Connection {
            name,
            url,
            redirected_to: None,
            client,
            headers,
            credentials: options.credentials.clone(),
            retry: RetryPolicy::new(options.idle_timeout, options.retries, options.pause),
            proxy: options.proxy.clone(),
            followed,
            size: options.size,
            declared_size: options.size,
            accepts_unmarked_end: options.accepts_unmarked_end,
            version: None,
            accepts_ranges: false,
            has_failed_ranges: false,
            starts_over: false,
            at: 0,
            ended: false,
            body: None,
            attempts: 0,
            failures: 0,
            short_responses: 0,
        })
    }

    /// Requests the file, and learns its size and version.
    pub(super) async fn open(&mut self) -> Result<(), SourceError> {
        loop {
            match self.rest().await {
                Ok(body) => {
                    self.body = Some(body);
                    return Ok(());
                }
                Err(error) => self.retry_after(error).await?,
            }
        }
    }

    /// The next bytes, with retries; none at the end.
    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>, SourceError> {
        while !self.ended && self.size != Some(self.at) {
            match self.next_body_bytes().await {
                Ok(Some(bytes)) => {
                    self.failures = 0;
                    return Ok(Some(bytes));
                }
                Ok(None) => self.ended = true,
                Err(error) => self.retry_after(error).await?,
            }
        }
        self.body = None;
        Ok(None)
    }

    /// Makes the next chunk the first one again.
    pub(super) fn restart(&mut self) {
        self.body = None;
        self.at = 0;
        self.ended = false;
        if std::mem::take(&mut self.starts_over) {
            self.version = None;
            self.redirected_to = None;
        }
    }

    /// Whether the server supports requests for a range.
    pub(super) fn has_ranges(&self) -> bool {
        self.accepts_ranges && self.size.is_some()
    }

    /// Fills `space` with the bytes from `offset` on, up to the end of the file. After a failure no more ranges
    /// are requested: some servers answer a request for the complete file correctly, and one for a range not.
    pub(super) async fn read_at(
        &mut self,
        offset: u64,
        space: &mut [u8],
    ) -> Result<usize, SourceError> {
        let read = self.read_ranges(offset, space).await;
        if read.is_err() {
            self.accepts_ranges = false;
            self.has_failed_ranges = true;
            self.starts_over = false;
            // The response to the first request is still open, and has not failed.
            self.failures = 0;
            self.short_responses = 0;
        }
        read
    }

    async fn read_ranges(&mut self, offset: u64, space: &mut [u8]) -> Result<usize, SourceError> {
        let available = self.size.unwrap_or_default().saturating_sub(offset);
        let wanted = space.len().min(usize::try_from(available).unwrap_or(usize::MAX));
        let mut filled = 0;
        while let Some(rest) = space.get_mut(filled..wanted).filter(|rest| !rest.is_empty()) {
            match self.range(offset + filled as u64, rest).await {
                Ok(count) if filled + count == wanted => {
                    self.failures = 0;
                    filled = wanted;
                }
                Ok(count) => {
                    filled += count;
                    let (at, size) = (offset + filled as u64, self.size.unwrap_or_default());
                    self.retry_after(Interruption::Short { at, size }.into()).await?;
                }
                Err(error) => self.retry_after(error).await?,
            }
        }
        Ok(filled)
    }

    pub(super) fn failed(&self, source: std::io::Error) -> SourceError {
        SourceError::Read { name: self.name.clone(), at: self.at, source }
    }

    /// Waits before the next attempt, or gives up.
    async fn retry_after(&mut self, error: AttemptError) -> Result<(), SourceError> {
        let (source, least) = match error {
            AttemptError::Permanent(error) => return Err(error),
            AttemptError::Transient(source, least) => (source, least),
        };
        if let Interruption::Short { .. } = source {
            self.short_responses += 1;
        }
        if self.failures >= self.retry.retries || self.short_responses > self.retry.retries {
            let (name, at, attempts) = (self.shown_name(), self.at, self.attempts);
            return Err(SourceError::GaveUp { name, at, attempts, source });
        }
        let pause = self.retry.before(self.failures).max(least);
        self.failures += 1;
        let pause_ms = pause.as_millis();
        tracing::warn!(source = self.name, at = self.at, pause_ms, "{source}; trying again");
        sleep(pause).await;
        Ok(())
    }

    /// The next bytes of the body; none at the end of a body of unknown size.
    async fn next_body_bytes(&mut self) -> Result<Option<Bytes>, AttemptError> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.rest().await?,
        };
        loop {
            let bytes = self.in_time(body.chunk()).await?.map_err(interrupted)?;
            let Some(bytes) = bytes else {
                let Some(size) = self.size else { return Ok(None) };
                return Err(Interruption::Short { at: self.at, size }.into());
            };
            if bytes.is_empty() {
                continue;
            }
            let first = self.at;
            self.at += bytes.len() as u64;
            if self.size.is_some_and(|size| self.at > size) {
                return Err(self.surplus(first));
            }
            self.body = Some(body);
            return Ok(Some(bytes));
        }
    }

    /// Reads a range, or its beginning.
    async fn range(&mut self, first: u64, space: &mut [u8]) -> Result<usize, AttemptError> {
        let mut body = self.request(first, Some(first + space.len() as u64 - 1)).await?;
        let mut filled = 0;
        while let Some(bytes) = self.in_time(body.chunk()).await?.map_err(interrupted)? {
            let Some(place) = space.get_mut(filled..filled + bytes.len()) else {
                return Err(self.surplus(first));
            };
            place.copy_from_slice(&bytes);
            filled += bytes.len();
        }
        Ok(filled)
    }

    /// A response with all missing bytes.
    async fn rest(&mut self) -> Result<Response, AttemptError> {
        let version = self.version.as_ref();
        if self.at > 0 && self.has_failed_ranges {
            return Err(self.not_resumable("the server does not answer range requests correctly"));
        }
        if self.at > 0 && version.is_none_or(|version| version.validator().is_none()) {
            return Err(self.not_resumable("the server sends no validator (ETag or Last-Modified)"));
        }
        self.request(self.at, None).await
    }

    /// A response with the bytes from `first` to `last`, or to the end, of the version that was seen first.
    async fn request(&mut self, first: u64, last: Option<u64>) -> Result<Response, AttemptError> {
        let is_range = first > 0 || last.is_some();
        let mut redirected: Option<Url> = None;
        let mut redirects = 0;
        let response = loop {
            self.attempts += 1;
            let address =
                redirected.as_ref().or(self.redirected_to.as_ref()).unwrap_or(&self.url).clone();
            let mut request = self.client.get(address.clone()).header(ACCEPT_ENCODING, "identity");
            request = request.headers(self.secrets(&address)?);
            if is_range {
                let last = last.map(|last| last.to_string()).unwrap_or_default();
                request = request.header(RANGE, format!("bytes={first}-{last}"));
                if let Some(version) = self.version.as_ref().and_then(Version::validator) {
                    request = request.header(IF_RANGE, version);
                }
            }
            self.followed.take();
            let response = self.in_time(request.send()).await?;
            let response = response.map_err(|error| self.not_sent(error, &address))?;
            if let Some(next) = self.other_server(&response) {
                redirects += 1;
                if redirects > MAX_REDIRECTS {
                    let (name, source) = (self.via(response.url()), TOO_MANY_REDIRECTS.into());
                    return Err(SourceError::Unreachable { name, source }.into());
                }
                redirected = Some(next);
                continue;
            }
            // A redirect target may be valid for some minutes only; the original address leads to another
            // one.
            redirected = None;
            let is_stale =
                response.status().is_client_error() && self.redirected_to.take().is_some();
            if !is_stale {
                break response;
            }
        };
        let status = response.status();
        tracing::debug!(source = self.name, first, status = status.as_u16(), "answered");
        match status {
            StatusCode::OK if is_range => Err(self.full_response(&response)),
            StatusCode::OK => self.check_full(&response).map(|()| response),
            StatusCode::PARTIAL_CONTENT if is_range => {
                self.check_range(&response, first, last).map(|()| response)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if is_range => Err(self.differ("size")),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Err(unavailable(&response))
            }
            status if status.is_server_error() => Err(unavailable(&response)),
            status => Err(SourceError::Refused { name: self.via(response.url()), status }.into()),
        }
    }

    /// Takes size and version from the first response, and compares later ones with it.
    fn check_full(&mut self, response: &Response) -> Result<(), AttemptError> {
        let version = Version::of(response.headers());
        let found = response.content_length();
        let is_marked = found.is_some() || response.headers().contains_key(TRANSFER_ENCODING);
        if !is_marked && self.declared_size.is_none() && !self.accepts_unmarked_end {
            return Err(SourceError::Endless { name: self.via(response.url()) }.into());
        }
        if let (Some(found), Some(expected)) = (found, self.declared_size)
            && found != expected
        {
            let name = self.via(response.url());
            return Err(SourceError::Size { name, expected, found }.into());
        }
        let size = found.or(self.declared_size);
        match &self.version {
            Some(known) => {
                let other_size = (self.size != size).then_some("size");
                if let Some(what) = known.difference(&version).or(other_size) {
                    return Err(self.differ(what));
                }
            }
            None => {
                let accepts = response.headers().get(ACCEPT_RANGES);
                self.accepts_ranges =
                    !self.has_failed_ranges && accepts.is_some_and(|unit| unit == "bytes");
                self.version = Some(version);
                self.size = size;
            }
        }
        if response.url().origin() != self.url.origin() {
            self.redirected_to = Some(response.url().clone());
        }
        Ok(())
    }

    /// Checks that a response has the requested range.
    fn check_range(
        &mut self,
        response: &Response,
        first: u64,
        last: Option<u64>,
    ) -> Result<(), AttemptError> {
        if let Some(what) = self.difference(response) {
            return Err(self.differ(what));
        }
        let wrong = || {
            let found = response.headers().get(CONTENT_RANGE).and_then(|text| text.to_str().ok());
            let found = found.unwrap_or("no Content-Range").to_owned();
            SourceError::WrongRange { name: self.shown_name(), asked: first, found }
        };
        let range = ContentRange::of(response.headers()).ok_or_else(wrong)?;
        if range.first != first
            || last.is_some_and(|last| range.last > last)
            || response.content_length().is_some_and(|length| length != range.length())
        {
            return Err(wrong().into());
        }
        match (self.size, range.total) {
            (Some(size), Some(total)) if size != total => Err(self.differ("size")),
            (Some(size), None) if range.last >= size => Err(wrong().into()),
            (None, None) => Err(self.not_resumable("the server does not send its size")),
            (size, total) => {
                self.size = size.or(total);
                Ok(())
            }
        }
    }

    /// The error for a response with the complete file to a request for a range.
    fn full_response(&mut self, response: &Response) -> AttemptError {
        let size = response.content_length();
        let has_other_size = size.is_some() && self.size.is_some() && size != self.size;
        match self.difference(response).or(has_other_size.then_some("size")) {
            Some(what) => self.differ(what),
            None => self.not_resumable("the server does not support range requests"),
        }
    }

    /// How the version of a response differs from the one seen first.
    fn difference(&self, response: &Response) -> Option<&'static str> {
        self.version.as_ref()?.difference(&Version::of(response.headers()))
    }

    /// The error for a response with more bytes than requested.
    fn surplus(&self, asked: u64) -> AttemptError {
        let found = "more bytes than that".to_owned();
        SourceError::WrongRange { name: self.shown_name(), asked, found }.into()
    }

    fn differ(&mut self, what: &'static str) -> AttemptError {
        self.starts_over = true;
        SourceError::ResponsesDiffer { name: self.name.clone(), what }.into()
    }

    fn not_resumable(&mut self, reason: &'static str) -> AttemptError {
        self.starts_over = true;
        SourceError::NotResumable { name: self.shown_name(), at: self.at, reason }.into()
    }

    /// The headers of the caller for a request to this address.
    fn secrets(&self, address: &Url) -> Result<HeaderMap, SourceError> {
        let is_same_server = address.origin() == self.url.origin();
        let mut headers = if is_same_server { self.headers.clone() } else { HeaderMap::new() };
        let asked = self.credentials.as_ref().and_then(|asked| asked.header(address.as_str()));
        if let Some((name, value)) = asked {
            let (name, value) = header(&name, &value, &self.name)?;
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// The target of a redirect that was not followed because the caller's headers are not for that server.
    fn other_server(&self, response: &Response) -> Option<Url> {
        if !response.status().is_redirection() {
            return None;
        }
        let place = response.headers().get(LOCATION)?.to_str().ok()?;
        response.url().join(place).ok()
    }

    /// The name of the source, with the server that sends it if redirects have led to another one.
    fn shown_name(&self) -> String {
        self.redirected_to.as_ref().map_or_else(|| self.name.clone(), |mirror| self.via(mirror))
    }

    /// The name of the source, with the server to which redirects have led if it is another one.
    fn via(&self, address: &Url) -> String {
        match address.origin() == self.url.origin() {
            true => self.name.clone(),
            false => format!("{} (redirected to {})", self.name, shown_url(address)),
        }
    }

    fn not_sent(&self, error: reqwest::Error, address: &Url) -> AttemptError {
        // A wrong host name or port fails without retries, unless the server was reached before.
        let is_first = error.is_connect() && self.version.is_none();
        if is_first || error.is_redirect() || error.is_builder() {
            let target = self.followed.take().unwrap_or_else(|| address.clone());
            let source = proxy::named(error.without_url(), &target, self.proxy.as_deref());
            return SourceError::Unreachable { name: self.via(&target), source }.into();
        }
        interrupted(error)
    }

    /// Waits for the server, up to the idle time-out. The read time-out of the client would also count time
    /// in which this program does not read, and an upload may be slow.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, AttemptError> {
        let idle = self.retry.idle_timeout;
        let stalled = |_| Interruption::Stalled { seconds: idle.as_secs() }.into();
        timeout(idle, work).await.map_err(stalled)
    }
}

fn interrupted(error: reqwest::Error) -> AttemptError {
    Interruption::Transport(error.without_url().into()).into()
}

/// The error for the response of an overloaded server.
fn unavailable(response: &Response) -> AttemptError {
    let retry_after = retry_after(response.headers());
    let least = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    AttemptError::Transient(
        Interruption::Unavailable { status: response.status(), retry_after },
        least,
    )
}

/// The longest Retry-After that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
