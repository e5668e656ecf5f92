//! Names the proxy in an error of a connection that did not get as far as the server.

use std::error::Error as StdError;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::address::shown_text;
use crate::error::BoxError;

/// A proxy that cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to the proxy {proxy}")]
struct ProxyUnreachable {
    proxy: String,
    source: reqwest::Error,
}

/// Adds the proxy to an error, if a request to this address goes through one and its connection failed.
pub(super) fn named(error: reqwest::Error, url: &Url, configured: Option<&str>) -> BoxError {
    if !error.is_connect() || !is_before_the_server(&error) {
        return error.into();
    }
    let proxy = match configured {
        Some(proxy) => Some(shown_text(proxy)),
        None => of_environment(url),
    };
    match proxy {
        Some(proxy) => {
            let proxy = proxy.trim_end_matches('/').to_owned();
            Box::new(ProxyUnreachable { proxy, source: error })
        }
        None => error.into(),
    }
}

/// Whether the first TCP connection failed. Later failures, such as one of TLS, are the server's.
fn is_before_the_server(error: &reqwest::Error) -> bool {
    let first: Option<&(dyn StdError + 'static)> = Some(error);
    std::iter::successors(first, |&error| error.source())
        .any(|error| matches!(&*error.to_string(), "tcp connect error" | "dns error"))
}

/// Whether `no_proxy=*` excludes all hosts. `Matcher` applies it to names only, and curl and Python to addresses too.
pub(super) fn excludes_all_hosts() -> bool {
    let given = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| std::env::var(name).ok());
    given.is_some_and(|hosts| hosts.trim() == "*")
}

/// The proxy that the variables `http_proxy` and similar name for this address.
fn of_environment(url: &Url) -> Option<String> {
    if excludes_all_hosts() {
        return None;
    }
    let proxy = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    Some(shown_text(&proxy.uri().to_string()))
}
