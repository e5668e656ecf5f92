//! The HTTP client of one cloud, and the common part of all calls: headers, time-outs, errors.

mod body;
mod options;
mod proxy;
mod resolver;
mod tls;
mod wire;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::{Proxy, RequestBuilder, Response, redirect};
use serde::de::DeserializeOwned;
use url::Url;

use body::BodyError;
pub use options::{ClientCertificate, HttpOptions};

use self::resolver::Resolver;
use crate::error::{Answer, json_problem, readable};
use crate::identity::Token;
use crate::timestamp::http_date;
use crate::{ConfigError, Error, redact};

/// Sends the requests of one cloud according to its [`HttpOptions`]. Cloning is cheap.
///
/// It does not follow redirects, since a token must not be sent to another host, and opens a connection for
/// each request.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    /// The configured proxy, for messages.
    proxy: Option<Url>,
    call_timeout: Duration,
}

/// The media type of all calls but `PATCH`.
pub(crate) const JSON: &str = "application/json";
/// The media type of `PATCH`; Glance answers 415 to any other.
pub(crate) const JSON_PATCH: &str = "application/openstack-images-v2.1-json-patch";

/// The body of a call: none, or JSON of the given media type.
pub(crate) enum Payload<'a> {
    Nothing,
    Json(&'static str, &'a serde_json::Value),
}

/// A response of any status with its complete body.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    /// A client with these options. `cloud` is the cloud's name in errors.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a certificate, key or proxy that cannot be used.
    pub fn new(cloud: &str, options: &HttpOptions) -> Result<Self, ConfigError> {
        let invalid = |key: &'static str, message: String| ConfigError::Invalid {
            cloud: cloud.to_owned(),
            key,
            message,
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("imgpush/", env!("CARGO_PKG_VERSION")))
            .default_headers(options.headers.clone())
            // A token must not be sent to another host.
            .redirect(redirect::Policy::none())
            .dns_resolver(Resolver)
            .connect_timeout(options.connect_timeout)
            .tcp_keepalive(KEEPALIVE)
            .tls_backend_preconfigured(
                tls::config(options).map_err(|(key, message)| invalid(key, message))?,
            )
            // One image is one stream: HTTP/2 would only add flow control and frames of its own.
            .http1_only()
            // Deployments with uWSGI close the connection after each response. Otherwise, a kept-alive
            // connection that the server closes at the wrong moment would make an upload fail.
            .pool_max_idle_per_host(0)
            // Independent of the features that a program enables in reqwest: decompressed data could be of
            // any size.
            .no_gzip()
            .no_deflate()
            .no_brotli()
            .no_zstd();
        if let Some(proxy) = &options.proxy {
            let proxy = Proxy::all(proxy.as_str())
                .map_err(|error| invalid("proxy", chain(&error.without_url())))?;
            builder = builder.proxy(proxy);
        } else if proxy::excludes_all_hosts() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| invalid("TLS settings", chain(&error)))?;
        Ok(HttpClient { client, proxy: options.proxy.clone(), call_timeout: options.call_timeout })
    }

    /// Sends a request with a small body and reads the response, whatever its status.
    pub(crate) async fn exchange(
        &self,
        method: &Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Error> {
        let mut all = accepted();
        all.extend(headers);
        let mut request =
            self.request(method, url, all, body.as_deref()).timeout(self.call_timeout);
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.map_err(|error| self.transport(method, url, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        tracing::debug!(%method, url = redact::shown(url), status = status.as_u16(), "answered");
        wire::response(method, url, status, &headers);
        let body = if status.is_success() {
            body::complete(response).await.map_err(|error| self.unreadable(method, url, error))?
        } else {
            error_body(response).await
        };
        wire::response_body(method, url, &body);
        Ok(Reply { status, headers, body })
    }

    /// Sends a call with a small body and waits for the complete response.
    pub(crate) async fn call(
        &self,
        method: &Method,
        url: &Url,
        token: &Token,
        extra: &HeaderMap,
        payload: &Payload<'_>,
    ) -> Result<(HeaderMap, Vec<u8>), Error> {
        let mut headers = headers(token, extra.clone());
        let request = match payload {
            Payload::Nothing => self.request(method, url, headers, None),
            Payload::Json(media_type, value) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
                let body = value.to_string();
                self.request(method, url, headers, Some(body.as_bytes())).body(body)
            }
        };
        let request = request.timeout(self.call_timeout);
        let response = request.send().await.map_err(|error| self.transport(method, url, error))?;
        let response = check(method, url, response).await?;
        let headers = response.headers().clone();
        let body =
            body::complete(response).await.map_err(|error| self.unreadable(method, url, error))?;
        wire::response_body(method, url, &body);
        Ok((headers, body))
    }

    /// A response whose body is not read yet. The time-out covers only its head.
    pub(crate) async fn get(
        &self,
        url: &Url,
        token: &Token,
        extra: &HeaderMap,
    ) -> Result<Response, Error> {
        let headers = headers(token, extra.clone());
        let request = self.request(&Method::GET, url, headers, None).send();
        let answer = tokio::time::timeout(self.call_timeout, request).await;
        let response = match answer {
            Ok(response) => response.map_err(|error| self.transport(&Method::GET, url, error))?,
            Err(late) => {
                return Err(Error::TimedOut {
                    method: Method::GET,
                    url: redact::shown(url),
                    source: Box::new(late),
                });
            }
        };
        check(&Method::GET, url, response).await
    }

    /// Sends a body of any length. There is no total time-out: the producer of the body must detect a stall.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        token: &Token,
        extra: HeaderMap,
        body: reqwest::Body,
    ) -> Result<(), Error> {
        let request = self.request(&method, url, headers(token, extra), None).body(body);
        let response = request.send().await.map_err(|error| self.transport(&method, url, error))?;
        check(&method, url, response).await.map(drop)
    }

    /// Begins a request, and logs it with its body, if that is known.
    fn request(
        &self,
        method: &Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<&[u8]>,
    ) -> RequestBuilder {
        wire::request(method, url, &headers, body);
        self.client.request(method.clone(), url.clone()).headers(headers)
    }

    /// The error for a request without a response.
    fn transport(&self, method: &Method, url: &Url, error: reqwest::Error) -> Error {
        let timed_out = error.is_timeout();
        // The error's own text would repeat the address with its secrets.
        let source = proxy::named(error.without_url(), url, self.proxy.as_ref());
        let (method, url) = (method.clone(), redact::shown(url));
        if timed_out {
            Error::TimedOut { method, url, source }
        } else {
            Error::Transport { method, url, source }
        }
    }

    /// The error for a body that was not read.
    fn unreadable(&self, method: &Method, url: &Url, error: BodyError) -> Error {
        match error {
            BodyError::Interrupted(error) => self.transport(method, url, error),
            error => Error::Decode {
                method: method.clone(),
                url: redact::shown(url),
                source: Box::new(error),
            },
        }
    }
}

const KEEPALIVE: Duration = Duration::from_secs(30);

/// Parses the JSON of a response.
pub(crate) fn decode<T: DeserializeOwned>(
    method: &Method,
    url: &Url,
    body: &[u8],
) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Decode {
        method: method.clone(),
        url: redact::shown(url),
        source: json_problem(&error),
    })
}

/// What is accepted as a response.
fn accepted() -> HeaderMap {
    let mut headers = HeaderMap::new();
    // Without this header, errors are sent as an HTML page.
    headers.insert(header::ACCEPT, HeaderValue::from_static(JSON));
    // A compressing proxy would hide the length of the response.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}

/// The headers of a call with a token; those in `extra` replace others of their name.
fn headers(token: &Token, extra: HeaderMap) -> HeaderMap {
    let mut headers = accepted();
    token.apply(&mut headers);
    headers.extend(extra);
    headers
}

/// The response if it is a success, or else its error.
async fn check(method: &Method, url: &Url, response: Response) -> Result<Response, Error> {
    let status = response.status();
    tracing::debug!(%method, url = redact::shown(url), status = status.as_u16(), "answered");
    wire::response(method, url, status, response.headers());
    if status.is_success() {
        return Ok(response);
    }
    let headers = response.headers().clone();
    let body = if status.is_redirection() { Vec::new() } else { error_body(response).await };
    wire::response_body(method, url, &body);
    Err(refusal(method, url, &Reply { status, headers, body }).into_error())
}

/// The details of a response that is not a success.
pub(crate) fn refusal(method: &Method, url: &Url, reply: &Reply) -> Answer {
    let status = reply.status;
    let text = |name: &str| {
        let value = reply.headers.get(name)?.to_str().ok()?;
        Some(value.chars().filter(|c| !c.is_control()).take(100).collect::<String>())
    };
    let message = if status.is_redirection() {
        let target = text("location").as_deref().map(redact::shown_text).unwrap_or_default();
        format!("a redirect to {target}, which is not followed because the token is not for it")
    } else {
        readable(&reply.body)
    };
    let refused = status == StatusCode::UNAUTHORIZED && message.is_empty();
    Answer {
        method: method.clone(),
        url: redact::shown(url),
        status,
        request_id: text("x-openstack-request-id"),
        server: text("server"),
        retry_after: waiting_time(&reply.headers),
        message: if refused { "the token was not accepted".to_owned() } else { message },
    }
}

/// Parses `Retry-After`: seconds, or a date. A date is compared with the `Date` of the response, since the
/// clocks may differ; without one, with the clock of this machine.
fn waiting_time(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let value = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = text(header::DATE).and_then(http_date);
    // A date in the past means no waiting.
    Some(http_date(value)?.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

/// The beginning of an error page, up to a limit. A truncated page is used as far as it was received: a
/// server that refuses early resets the connection after its response.
async fn error_body(response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    // The part that arrived within the time-out is kept.
    let read = body::start(response, ERROR_BODY_BYTES, &mut body);
    let _ = tokio::time::timeout(ERROR_BODY_TIMEOUT, read).await;
    body
}

const ERROR_BODY_BYTES: usize = 64 << 10;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_in_retry_after_is_compared_with_the_clock_of_the_service() {
        let of = |value: &'static str, date: &'static str| {
            let pairs = [(header::RETRY_AFTER, value), (header::DATE, date)];
            let pairs = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
            waiting_time(&pairs.into_iter().collect())
        };
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        let ninety = Some(Duration::from_secs(90));
        assert_eq!(of("90", now), ninety);
        assert_eq!(of("Sun, 06 Nov 1994 08:51:07 GMT", now), ninety);
        assert_eq!(of("Sunday, 06-Nov-94 08:51:07 GMT", now), ninety);
        assert_eq!(of("Sun Nov  6 08:51:07 1994", now), ninety);
        assert_eq!(of("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(of("Sun, 06 Nov 1994 08:51:07 GMT", "now"), Some(Duration::ZERO));
        assert_eq!(of("soon", now), None);
    }
}
