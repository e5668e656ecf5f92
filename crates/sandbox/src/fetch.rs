//! Data from web servers, for imports and locations.

use std::time::Duration;

use http::Uri;

/// The maximum time without a received byte.
const SILENCE: Duration = Duration::from_secs(60);

/// Whether an import may fetch from this address. It is the filter of the test cloud: http and https, any
/// port, but only the loopback address, so that no test accesses other machines.
pub(crate) fn is_allowed(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host() == Some("127.0.0.1")
}

/// The handling of redirects: `web-download` follows them; the http store does not follow a relative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    Followed,
    Refused,
}

/// Starts to fetch. The error is only for logs: Glance does not report it.
pub(crate) async fn open(uri: &str, redirects: Redirects) -> Result<reqwest::Response, String> {
    let policy = match redirects {
        Redirects::Followed => reqwest::redirect::Policy::custom(|attempt| {
            // Every redirect is checked again.
            if is_allowed(attempt.url().as_str()) && attempt.previous().len() < 10 {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }),
        Redirects::Refused => reqwest::redirect::Policy::none(),
    };
    // A provider that is installed already stays in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(policy)
        .read_timeout(SILENCE)
        .build()
        .map_err(|error| error.to_string())?;
    let response = client.get(uri).send().await.map_err(|error| error.to_string())?;
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(format!("{uri} answered {}", response.status()))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_loopback_address_is_allowed() {
        for uri in ["http://127.0.0.1/x", "http://127.0.0.1:8080/x", "https://127.0.0.1"] {
            assert!(super::is_allowed(uri), "{uri}");
        }
        for uri in ["ftp://127.0.0.1/x", "http://10.0.0.1/x", "http://127.0.0.2/", "", "file:///x"]
        {
            assert!(!super::is_allowed(uri), "{uri}");
        }
    }
}
