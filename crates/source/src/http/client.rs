//! The client of the requests: redirects, proxy, certificates and headers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Identity, Proxy, redirect};
use url::Url;

use super::options::HttpOptions;
use super::proxy;
use super::resolver::Resolver;
use crate::error::{BoxError, SourceError};

/// The target of the last redirect of a request. The client does not name it in its errors.
#[derive(Clone, Default)]
pub(super) struct Followed(Arc<Mutex<Option<Url>>>);

impl Followed {
    pub(super) fn set(&self, target: &Url) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(target.clone());
    }

    pub(super) fn take(&self) -> Option<Url> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(super) fn client(
    options: &HttpOptions,
    name: &str,
    followed: &Followed,
) -> Result<Client, SourceError> {
    let failed = |what| {
        move |error: reqwest::Error| SourceError::HttpOption {
            name: name.to_owned(),
            what,
            source: error.without_url().into(),
        }
    };
    // reqwest removes a few headers from a request to another server, but not those of the caller.
    let stays_on_server = !options.headers.is_empty() || options.credentials.is_some();
    let followed = followed.clone();
    // A provider that the program has installed before stays in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .user_agent(concat!("imgpush/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::custom(move |attempt| {
            followed.set(attempt.url());
            follow(attempt, stays_on_server)
        }))
        // It would send an address with its signature to the next server.
        .referer(false)
        // A file may be compressed, and its server may declare that; its bytes are used unchanged.
        .no_gzip()
        .no_deflate()
        .no_brotli()
        .no_zstd()
        .dns_resolver(Resolver)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(KEEPALIVE);
    if let Some(proxy) = &options.proxy {
        client = client.proxy(Proxy::all(proxy).map_err(failed("proxy"))?);
    } else if proxy::excludes_all_hosts() {
        client = client.no_proxy();
    }
    for pem in &options.ca_certificates {
        let certificates = Certificate::from_pem_bundle(pem).map_err(failed("CA certificate"))?;
        if certificates.is_empty() {
            let (name, source) = (name.to_owned(), "it contains no certificate".into());
            return Err(SourceError::HttpOption { name, what: "CA certificate", source });
        }
        client = client.tls_certs_merge(certificates);
    }
    if let Some(pem) = &options.client_certificate {
        let identity = Identity::from_pem(pem).map_err(failed("client certificate"))?;
        client = client.identity(identity);
    }
    client
        .build()
        .map_err(|error| SourceError::Unreachable { name: name.to_owned(), source: error.into() })
}

pub(super) fn headers(options: &HttpOptions, source: &str) -> Result<HeaderMap, SourceError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &options.headers {
        let (name, value) = header(name, value, source)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// A header, marked as sensitive so that no log shows its value.
pub(super) fn header(
    name: &str,
    value: &str,
    source: &str,
) -> Result<(HeaderName, HeaderValue), SourceError> {
    let failed = |error: BoxError| SourceError::HttpOption {
        name: source.to_owned(),
        what: "header",
        source: error,
    };
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(error.into()))?;
    let mut value = HeaderValue::from_str(value).map_err(|error| failed(error.into()))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn follow(attempt: redirect::Attempt<'_>, stays_on_server: bool) -> redirect::Action {
    let last = attempt.previous().last();
    let is_safe = attempt.url().scheme() == "https";
    let was_safe = last.is_some_and(|url| url.scheme() == "https");
    let is_same_server = last.is_some_and(|url| url.origin() == attempt.url().origin());
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error(TOO_MANY_REDIRECTS)
    } else if was_safe && !is_safe {
        attempt.error("it redirects from https to http, which is not secure")
    } else if stays_on_server && !is_same_server {
        attempt.stop()
    } else {
        attempt.follow()
    }
}

pub(super) const TOO_MANY_REDIRECTS: &str = "too many redirects";
/// Fewer than browsers and curl follow, more than any mirror needs.
pub(super) const MAX_REDIRECTS: usize = 10;
/// Long enough for a distant server, short enough to notice a wrong address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const KEEPALIVE: Duration = Duration::from_secs(30);
