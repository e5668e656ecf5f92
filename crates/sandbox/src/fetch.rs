//! Data from web servers, for imports and locations.

use std::time::Duration;

use http::Uri;

/// The maximum time without a received byte.
const SILENCE: Duration = Duration::from_secs(60);

/// Hosts that are always allowed: this machine.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Whether an import may fetch from this address: http and https, any port, but only the loopback address and
/// the hosts of the option, so that no test accesses other machines by mistake.
pub(crate) fn is_allowed(uri: &str, hosts: &[String]) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let known = LOOPBACK.into_iter().chain(hosts.iter().map(String::as_str));
    is_http && uri.host().is_some_and(|host| known.into_iter().any(|it| same_host(it, host)))
}

/// An IPv6 address may lack its brackets in an option.
fn same_host(known: &str, host: &str) -> bool {
    let plain = |text: &str| text.trim_matches(['[', ']']).to_ascii_lowercase();
    plain(known) == plain(host)
}

/// The handling of redirects: `web-download` follows them; the http store does not follow a relative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    Followed,
    Refused,
}

/// Starts to fetch. The error is only for logs: Glance does not report it.
pub(crate) async fn open(
    uri: &str,
    redirects: Redirects,
    hosts: &[String],
) -> Result<reqwest::Response, String> {
    let hosts = hosts.to_vec();
    let policy = match redirects {
        Redirects::Followed => reqwest::redirect::Policy::custom(move |attempt| {
            // Every redirect is checked again.
            if is_allowed(attempt.url().as_str(), &hosts) && attempt.previous().len() < 10 {
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
    fn only_the_loopback_address_and_named_hosts_are_allowed() {
        for uri in ["http://127.0.0.1/x", "http://127.0.0.1:8080/x", "https://127.0.0.1"] {
            assert!(super::is_allowed(uri, &[]), "{uri}");
        }
        let hosts = ["images.example".to_owned(), "fd00::1".to_owned()];
        for uri in ["https://Images.example/x", "http://[fd00::1]:8080/x", "http://localhost/x"] {
            assert!(super::is_allowed(uri, &hosts), "{uri}");
        }
        assert!(!super::is_allowed("http://other.images.example/x", &hosts));
        for uri in ["ftp://127.0.0.1/x", "http://10.0.0.1/x", "http://127.0.0.2/", "", "file:///x"]
        {
            assert!(!super::is_allowed(uri, &[]), "{uri}");
        }
    }
}
