//! Data from web servers, for imports and locations.

use std::time::Duration;

use http::Uri;

/// How long a server may be silent before it is given up.
const SILENCE: Duration = Duration::from_secs(60);

/// Whether an import may fetch from there. The test cloud's filter: http and https, any port, but no
/// host save the loopback address, so that no test leaves the machine.
pub(crate) fn is_allowed(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host() == Some("127.0.0.1")
}

/// What follows redirects, as `web-download` does, or does not, as the http store with a relative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    Followed,
    Refused,
}

/// Starts to fetch. The error is for a reader of logs: Glance tells none of it.
pub(crate) async fn open(uri: &str, redirects: Redirects) -> Result<reqwest::Response, String> {
    let policy = match redirects {
        Redirects::Followed => reqwest::redirect::Policy::custom(|attempt| {
            // Every step is checked again.
            if is_allowed(attempt.url().as_str()) && attempt.previous().len() < 10 {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }),
        Redirects::Refused => reqwest::redirect::Policy::none(),
    };
    // Another one that is there already will do.
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
    fn only_the_loopback_address_is_fetched_from() {
        for uri in ["http://127.0.0.1/x", "http://127.0.0.1:8080/x", "https://127.0.0.1"] {
            assert!(super::is_allowed(uri), "{uri}");
        }
        for uri in ["ftp://127.0.0.1/x", "http://10.0.0.1/x", "http://127.0.0.2/", "", "file:///x"]
        {
            assert!(!super::is_allowed(uri), "{uri}");
        }
    }
}
