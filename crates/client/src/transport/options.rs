//! How requests are sent, whatever they ask for.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::redact;

/// Certificates, proxy, headers and time-outs of one cloud's requests.
///
/// Without a proxy of its own the variables `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` count.
/// `Debug` shows no header's value and no password in an address.
///
/// ```
/// use std::time::Duration;
/// use imgpush_client::HttpOptions;
///
/// let options = HttpOptions::default()
///     .with_ca_file("/etc/ssl/private-cloud.pem")
///     .with_call_timeout(Duration::from_secs(120));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Headers of every request.
    pub headers: HeaderMap,
    /// The proxy of every request: `http`, `https`, `socks5` or `socks5h`.
    pub proxy: Option<Url>,
    /// A file with PEM certificates, or a folder of them, that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The certificate to show to servers.
    pub client_certificate: Option<ClientCertificate>,
    /// Trust any certificate.
    pub insecure: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the answer to a small request may take.
    pub call_timeout: Duration,
}

/// A certificate that a client shows, with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// A PEM file with the certificate and those that lead to its authority.
    pub certificate: PathBuf,
    /// A PEM file with the key; without it the key is in the same file.
    pub key: Option<PathBuf>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            headers: HeaderMap::new(),
            proxy: None,
            ca_file: None,
            client_certificate: None,
            insecure: false,
            connect_timeout: CONNECT_TIMEOUT,
            call_timeout: CALL_TIMEOUT,
        }
    }
}

/// Long enough for a far region, short enough to tell a wrong address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Glance under load has been seen to let a `GET` wait for seconds behind uploads.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

impl HttpOptions {
    /// Adds a header to every request, in place of one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the headers of every request, in place of all before.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the proxy of every request.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Url) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets a PEM file, or a folder of them, with certificates that are trusted beside the system's.
    #[must_use]
    pub fn with_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Sets the certificate to show to servers. Without `key` its key is in the same file.
    #[must_use]
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: Option<PathBuf>,
    ) -> Self {
        self.client_certificate = Some(ClientCertificate { certificate: certificate.into(), key });
        self
    }

    /// Sets whether any certificate is trusted.
    #[must_use]
    pub fn with_insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Sets how long connecting may take.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long the answer to a small request may take. The bytes of images have no time-out.
    #[must_use]
    pub fn with_call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("headers", &self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("proxy", &self.proxy.as_ref().map(redact::shown))
            .field("ca_file", &self.ca_file)
            .field("client_certificate", &self.client_certificate)
            .field("insecure", &self.insecure)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .finish()
    }
}
