//! Addresses in the form that messages show.

#[cfg(feature = "http")]
use url::Url;

/// Formats an address without user, password and query, since the query may contain a signature.
#[cfg(feature = "http")]
pub(crate) fn shown_url(url: &Url) -> String {
    let query = if url.query().is_some() { "?…" } else { "" };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    format!("{}://{host}{port}{}{query}", url.scheme(), url.path())
}

/// Formats text in the same way, whether or not it is a valid address.
pub(crate) fn shown_text(text: &str) -> String {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    #[cfg(feature = "http")]
    if let Ok(url) = Url::parse(text) {
        return shown_url(&url);
    }
    format!("{scheme}://…")
}
