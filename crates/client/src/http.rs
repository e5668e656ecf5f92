//! One `reqwest` client a cloud, and what every call does alike: token, renewal, errors.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::{Certificate, Response, redirect};
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::{Answer, readable};
use crate::identity::Token;
use crate::{ConfigError, Error, Tls, redact};

/// Sends requests; knows nothing of images.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
}

/// Of all calls but `PATCH`.
pub(crate) const JSON: &str = "application/json";
/// Anything else is answered 415.
pub(crate) const JSON_PATCH: &str = "application/openstack-images-v2.1-json-patch";

/// The body of a call: nothing, or JSON of the given media type.
pub(crate) enum Payload<'a> {
    Nothing,
    Json(&'static str, &'a serde_json::Value),
}

impl Transport {
    pub(crate) fn new(cloud: &str, tls: &Tls) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("imgpush/", env!("CARGO_PKG_VERSION")))
            // A token must not follow to another host.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE)
            .tls_danger_accept_invalid_certs(tls.insecure)
            // One image is one stream: HTTP/2 would add its own flow control and frames to it.
            .http1_only()
            // Deployments under uWSGI close after each answer. Where one does not, a kept connection
            // that the server closes at the wrong moment would cost an upload.
            .pool_max_idle_per_host(0);
        if let Some(path) = &tls.cacert {
            let invalid = |message: String| {
                Error::Config(ConfigError::Invalid {
                    cloud: cloud.to_owned(),
                    key: "cacert",
                    message: format!("{}: {message}", path.display()),
                })
            };
            let pem = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
            let bundle =
                Certificate::from_pem_bundle(&pem).map_err(|error| invalid(error.to_string()))?;
            if bundle.is_empty() {
                return Err(invalid("no certificate in it".to_owned()));
            }
            builder = builder.tls_certs_merge(bundle);
        }
        let client = builder.build().map_err(|error| {
            Error::Config(ConfigError::Invalid {
                cloud: cloud.to_owned(),
                key: "TLS settings",
                message: chain(&error),
            })
        })?;
        Ok(Transport { client })
    }

    /// Sends a call with a small body and waits for the whole answer.
    pub(crate) async fn call(
        &self,
        method: &Method,
        url: &Url,
        token: &Token,
        extra: &HeaderMap,
        payload: &Payload<'_>,
    ) -> Result<(HeaderMap, Vec<u8>), Error> {
        let mut request = self
            .client
            .request(method.clone(), url.clone())
            .headers(headers(token))
            .headers(extra.clone())
            .timeout(CALL_TIMEOUT);
        if let Payload::Json(media_type, value) = payload {
            request = request.header(header::CONTENT_TYPE, *media_type).body(value.to_string());
        }
        let transport = |error| transport(method, url, error);
        let response = request.send().await.map_err(transport)?;
        let response = check(method, url, response).await?;
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(transport)?;
        Ok((headers, body.into()))
    }

    /// An answer whose body is yet to be read. Only its beginning has a time-out.
    pub(crate) async fn get(
        &self,
        url: &Url,
        token: &Token,
        extra: &HeaderMap,
    ) -> Result<Response, Error> {
        let request =
            self.client.get(url.clone()).headers(headers(token)).headers(extra.clone()).send();
        let answer = tokio::time::timeout(CALL_TIMEOUT, request).await;
        let response = match answer {
            Ok(response) => response.map_err(|error| transport(&Method::GET, url, error))?,
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

    /// Sends a body of any length. There is no total time-out: whoever makes the body watches that
    /// it moves.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        token: &Token,
        extra: HeaderMap,
        body: reqwest::Body,
    ) -> Result<(), Error> {
        let request = self
            .client
            .request(method.clone(), url.clone())
            .headers(headers(token))
            .headers(extra)
            .body(body);
        let response = request.send().await.map_err(|error| transport(&method, url, error))?;
        check(&method, url, response).await.map(drop)
    }
}

/// Long enough for a far region, short enough to tell a wrong address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Glance under load has been seen to let a `GET` wait for seconds behind uploads.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Reads the JSON of an answer.
pub(crate) fn decode<T: DeserializeOwned>(
    method: &Method,
    url: &Url,
    body: &[u8],
) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Decode {
        method: method.clone(),
        url: redact::shown(url),
        source: Box::new(error),
    })
}

fn headers(token: &Token) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // Without it errors come as an HTML page.
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    token.apply(&mut headers);
    headers
}

/// The answer if it is a success, else the error it means.
async fn check(method: &Method, url: &Url, response: Response) -> Result<Response, Error> {
    let status = response.status();
    tracing::debug!(%method, url = redact::shown(url), status = status.as_u16(), "answered");
    if status.is_success() {
        return Ok(response);
    }
    let text = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.chars().filter(|c| !c.is_control()).take(100).collect::<String>())
    };
    let mut answer = Answer {
        method: method.clone(),
        url: redact::shown(url),
        status,
        request_id: text("x-openstack-request-id"),
        server: text("server"),
        retry_after: text("retry-after")
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs),
        message: String::new(),
    };
    if status.is_redirection() {
        let target = text("location").as_deref().map(redact::shown_text).unwrap_or_default();
        answer.message = format!("redirects are not followed with a token; it points to {target}");
    } else {
        answer.message = readable(&error_body(response).await);
    }
    if status == StatusCode::UNAUTHORIZED && answer.message.is_empty() {
        answer.message = "the token is not accepted".to_owned();
    }
    Err(answer.into_error())
}

/// As much of an error page as is worth reading. A page that breaks off is read as far as it came:
/// a server that refuses early resets the connection behind its answer.
async fn error_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ERROR_BODY_BYTES {
                break;
            }
        }
    };
    // What came in time is kept.
    let _ = tokio::time::timeout(ERROR_BODY_TIMEOUT, read).await;
    body.truncate(ERROR_BODY_BYTES);
    body
}

const ERROR_BODY_BYTES: usize = 64 << 10;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

fn transport(method: &Method, url: &Url, error: reqwest::Error) -> Error {
    let (method, url) = (method.clone(), redact::shown(url));
    let timed_out = error.is_timeout();
    // Its own text would repeat the address, with what must not be shown of it.
    let source = Box::new(error.without_url());
    if timed_out {
        Error::TimedOut { method, url, source }
    } else {
        Error::Transport { method, url, source }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
