//! The log of requests and responses, without secrets: the target `imgpush_client::wire` at level trace.
//!
//! Headers are shown by name; only those that are known to be harmless have their values. Of JSON bodies the
//! values of secret keys are masked, and bodies that are not JSON are not shown.

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use url::Url;

use crate::redact;

/// The target of the log.
const TARGET: &str = "imgpush_client::wire";

/// Headers whose values are shown, besides those that begin with `x-openstack-` and `x-image-`.
const SHOWN_HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "accept-ranges",
    "content-length",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "openstack-image-import-methods",
    "openstack-image-store-ids",
    "range",
    "retry-after",
    "server",
    "user-agent",
];

/// Parts of the names of keys whose values are masked.
const SECRET_KEYS: [&str; 6] = ["password", "secret", "token", "passcode", "credential", "access"];

/// The most characters of a body.
const BODY_CHARS: usize = 4096;

fn is_on() -> bool {
    tracing::enabled!(target: "imgpush_client::wire", tracing::Level::TRACE)
}

pub(super) fn request(method: &Method, url: &Url, headers: &HeaderMap, body: Option<&[u8]>) {
    if is_on() {
        let (url, headers) = (redact::shown(url), shown(headers).collect::<Vec<_>>().join(", "));
        let body = body.map_or_else(String::new, body_text);
        tracing::trace!(target: TARGET, "request: {method} {url} [{headers}] {body}");
    }
}

/// A response whose body is data, or is yet to be read.
pub(super) fn response(method: &Method, url: &Url, status: StatusCode, headers: &HeaderMap) {
    if is_on() {
        let (url, headers) = (redact::shown(url), shown(headers).collect::<Vec<_>>().join(", "));
        tracing::trace!(target: TARGET, "response: {status} to {method} {url} [{headers}]");
    }
}

pub(super) fn response_body(method: &Method, url: &Url, body: &[u8]) {
    if is_on() {
        let url = redact::shown(url);
        tracing::trace!(target: TARGET, "response body: {method} {url}: {}", body_text(body));
    }
}

fn shown(headers: &HeaderMap) -> impl Iterator<Item = String> {
    headers.iter().map(|(name, value)| {
        let name = name.as_str();
        let is_harmless = SHOWN_HEADERS.contains(&name)
            || name.starts_with("x-openstack-")
            || name.starts_with("x-image-");
        match value.to_str() {
            Ok(value) if is_harmless && !has_secret_name(name) => format!("{name}: {value}"),
            _ => format!("{name}: …"),
        }
    })
}

fn has_secret_name(name: &str) -> bool {
    SECRET_KEYS.iter().any(|part| name.contains(part))
}

fn body_text(body: &[u8]) -> String {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return format!("({} bytes that are not JSON)", body.len());
    };
    mask(&mut value, false);
    let text = value.to_string();
    match text.char_indices().nth(BODY_CHARS) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], body.len()),
        None => text,
    }
}

/// Masks the values of secret keys, and addresses with user information or a query.
fn mask(value: &mut Value, is_token: bool) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_ascii_lowercase();
                // The id of a token is the token.
                let is_secret = has_secret_name(&key) || (is_token && key == "id");
                match value {
                    Value::String(text) if is_secret => "…".clone_into(text),
                    _ => mask(value, key.contains("token")),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, is_token)),
        Value::String(text) => {
            if let Some(url) = Url::parse(text).ok().filter(Url::has_host) {
                *text = redact::shown(&url);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_in_headers_and_bodies() {
        let mut headers = HeaderMap::new();
        for name in ["x-auth-token", "authorization", "x-subject-token", "cookie", "x-own"] {
            headers.insert(name, HeaderValue::from_static("hunter2"));
        }
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let shown: Vec<_> = shown(&headers).collect();
        assert!(!shown.join(" ").contains("hunter2"), "{shown:?}");
        assert!(shown.contains(&"content-type: application/json".to_owned()), "{shown:?}");

        let login = json!({"auth": {"identity": {
            "password": {"user": {"name": "me", "password": "hunter2"}},
            "token": {"id": "hunter2"},
            "totp": {"user": {"passcode": "hunter2"}},
            "application_credential": {"id": "x", "secret": "hunter2"},
        }}, "location": "swift+http://u:hunter2@h/c", "link": "https://h/a?sig=hunter2"});
        let text = body_text(login.to_string().as_bytes());
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("\"name\":\"me\""), "{text}");
        assert_eq!(body_text(b"password=hunter2"), "(16 bytes that are not JSON)");
        let long = format!("{{\"name\":\"{}\"}}", "ü".repeat(9000));
        assert!(body_text(long.as_bytes()).len() < 9000);
    }
}
