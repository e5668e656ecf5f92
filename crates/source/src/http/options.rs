//! Options of the requests for an address.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::address::shown_text;
use crate::backoff::RetryPolicy;

/// Time-outs, retries, headers, proxy and certificates of the requests for an address.
///
/// `Debug` shows neither values of headers nor keys nor the password of a proxy.
///
/// ```
/// use imgpush_source::HttpOptions;
///
/// let options = HttpOptions::default()
///     .with_retries(2)
///     .with_header("X-Auth-Token", "secret")
///     .with_proxy("http://proxy.example.org:3128");
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Maximum time without a received byte.
    pub idle_timeout: Duration,
    /// Number of consecutive requests without a received byte, after a failed connection or an overloaded
    /// server.
    pub retries: u32,
    /// Pause before the first of these requests; it doubles with each.
    pub pause: Duration,
    pub(super) headers: Vec<(String, String)>,
    pub(super) proxy: Option<String>,
    pub(super) ca_certificates: Vec<Vec<u8>>,
    pub(super) client_certificate: Option<Vec<u8>>,
    pub(super) credentials: Option<Arc<dyn Credentials>>,
    pub(super) size: Option<u64>,
    pub(super) accepts_unmarked_end: bool,
}

/// A secret header for each request, supplied by the caller: for tokens that expire.
///
/// ```
/// use imgpush_source::{Credentials, HttpOptions};
///
/// struct Token;
///
/// impl Credentials for Token {
///     fn header(&self, url: &str) -> Option<(String, String)> {
///         let is_ours = url.starts_with("https://images.example.org/");
///         is_ours.then(|| ("Authorization".to_owned(), "Bearer secret".to_owned()))
///     }
/// }
///
/// let options = HttpOptions::default().with_credentials(Token);
/// # let _ = options;
/// ```
pub trait Credentials: Send + Sync {
    /// The name and the value of the header for a request to this address, or none. It is called before every
    /// request, also for servers that redirects lead to, and may block.
    fn header(&self, url: &str) -> Option<(String, String)>;
}

impl<T: Credentials + ?Sized> Credentials for Arc<T> {
    fn header(&self, url: &str) -> Option<(String, String)> {
        (**self).header(url)
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        let RetryPolicy { idle_timeout, retries, pause } = RetryPolicy::default();
        HttpOptions {
            idle_timeout,
            retries,
            pause,
            headers: Vec::new(),
            proxy: None,
            ca_certificates: Vec::new(),
            client_certificate: None,
            credentials: None,
            size: None,
            accepts_unmarked_end: false,
        }
    }
}

impl HttpOptions {
    /// Sets the maximum time without a received byte; 60 s by default.
    #[must_use]
    pub fn with_idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = time;
        self
    }

    /// Sets the number of consecutive requests without a received byte; 5 by default.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the pause before the first of these requests, which doubles with each; 500 ms by default.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Adds a header to every request to the server of the address. It is not sent to servers that redirects
    /// lead to. A name or value that HTTP does not allow is an error when the address is opened.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the proxy for all requests, as an address with or without user and password. By default the
    /// environment variables for proxies apply.
    #[must_use]
    pub fn with_proxy(mut self, address: impl Into<String>) -> Self {
        self.proxy = Some(address.into());
        self
    }

    /// Trusts these certificates in addition to those of the system: one or more in PEM.
    #[must_use]
    pub fn with_ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates.push(pem.into());
        self
    }

    /// Sets the client certificate and its private key: both in one PEM.
    #[must_use]
    pub fn with_client_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.client_certificate = Some(pem.into());
        self
    }

    /// Declares the size of the file, in bytes. A response with another size is an error, and a response
    /// without a size is complete at this size.
    #[must_use]
    pub fn with_size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Sets whether the end of the connection may be the only mark of the end of the file. A truncated
    /// response then looks complete, so set it only if a checksum verifies the bytes.
    #[must_use]
    pub fn with_unmarked_end(mut self, is_accepted: bool) -> Self {
        self.accepts_unmarked_end = is_accepted;
        self
    }

    /// Sets the source of secret headers.
    #[must_use]
    pub fn with_credentials(mut self, credentials: impl Credentials + 'static) -> Self {
        self.credentials = Some(Arc::new(credentials));
        self
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpOptions")
            .field("idle_timeout", &self.idle_timeout)
            .field("retries", &self.retries)
            .field("pause", &self.pause)
            .field("headers", &names)
            .field("proxy", &self.proxy.as_deref().map(shown_text))
            .field("ca_certificates", &self.ca_certificates.len())
            .field("has_client_certificate", &self.client_certificate.is_some())
            .field("has_credentials", &self.credentials.is_some())
            .field("size", &self.size)
            .field("accepts_unmarked_end", &self.accepts_unmarked_end)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let options = HttpOptions::default()
            .with_header("X-Auth-Token", "hunter2")
            .with_proxy("http://user:hunter2@proxy:3128")
            .with_client_certificate("-----BEGIN PRIVATE KEY-----hunter2");
        let shown = format!("{options:?}");
        assert!(!shown.contains("hunter2") && shown.contains("X-Auth-Token"), "{shown}");
    }
}
