//! Options of all requests to a cloud.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::redact;

/// Certificates, proxy, headers and time-outs of one cloud's requests.
///
/// Without a configured proxy the variables `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` apply.
/// `Debug` shows neither values of headers nor passwords in addresses.
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
    /// A PEM file with certificates, or a folder of such files, to trust in addition to those of the system.
    pub ca_file: Option<PathBuf>,
    /// The client certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Whether any certificate is trusted.
    pub insecure: bool,
    /// The time-out for connecting.
    pub connect_timeout: Duration,
    /// The time-out for the response to a small request.
    pub call_timeout: Duration,
}

/// A client certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate {
    /// A PEM file with the certificate and its chain.
    pub certificate: PathBuf,
    /// A PEM file with the key; by default the key is in the file of the certificate.
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

/// Long enough for a distant region, short enough to notice a wrong address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A loaded Glance has been seen to delay a `GET` by several seconds while it receives uploads.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

impl HttpOptions {
    /// Adds a header to every request, replacing one with the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the headers of every request, replacing all previous ones.
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

    /// Sets a PEM file with certificates, or a folder of such files, to trust in addition to those of the
    /// system.
    #[must_use]
    pub fn with_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Sets the client certificate. Without `key`, its key is in the same file.
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

    /// Sets the time-out for connecting.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the time-out for the response to a small request. Image data has no time-out.
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
