//! Addresses, as messages show them.

#[cfg(feature = "http")]
use url::Url;

/// The address without user, password and query; the query may contain a signature.
#[cfg(feature = "http")]
pub(crate) fn shown_url(url: &Url) -> String {
    let query = if url.query().is_some() { "?…" } else { "" };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    format!("{}://{host}{port}{}{query}", url.scheme(), url.path())
}

/// The same for text that may be malformed.
pub(crate) fn shown_text(text: &str) -> String {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    #[cfg(feature = "http")]
    if let Ok(url) = Url::parse(text) {
        return shown_url(&url);
    }
    format!("{scheme}://…")
}
