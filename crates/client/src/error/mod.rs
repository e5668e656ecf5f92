//! Errors of calls, classified by how a caller can react to them.

mod config;

use std::time::Duration;

use http::{Method, StatusCode};

pub use config::ConfigError;

use crate::Status;

/// An error of the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cloud could not be selected or its configuration could not be read.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The identity service refused the credentials, or the project.
    #[error("the identity service at {url} refused the login: {message}")]
    LoginRefused {
        /// The identity service, without user information.
        url: String,
        /// The message of the service.
        message: String,
    },

    /// The login failed without a decision of the identity service.
    #[error("cannot log in to the identity service at {url}")]
    Login {
        /// The identity service, without user information.
        url: String,
        /// Whether a server responded, although it is overloaded or out of order.
        answered: bool,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The catalog has no image service for the requested region and interface.
    #[error(
        "the service catalog has no image endpoint for region {region} and interface {interface}{}",
        elsewhere(regions)
    )]
    NoEndpoint {
        /// The requested region, or `(any)`.
        region: String,
        /// The requested interface.
        interface: String,
        /// The regions with an image endpoint of that interface.
        regions: Vec<String>,
    },

    /// 400: the server considers the request invalid.
    #[error("{0}")]
    BadRequest(Box<Answer>),

    /// 401, also after the token was renewed.
    #[error("{0}")]
    Unauthorized(Box<Answer>),

    /// 403: policy, a protected image or a read-only attribute.
    #[error("{0}")]
    Forbidden(Box<Answer>),

    /// 404: the image does not exist, or this project cannot see it.
    #[error("{0}")]
    NotFound(Box<Answer>),

    /// No image has this id or name.
    #[error("no image has the name or id {wanted}")]
    NoSuchImage {
        /// The id or the name.
        wanted: String,
    },

    /// Several images have this name; openstacksdk's `DuplicateResource`.
    #[error("several images are named {wanted}: {}", .ids.join(", "))]
    Duplicate {
        /// The name.
        wanted: String,
        /// The ids that were read.
        ids: Vec<String>,
    },

    /// No project, or no domain, has this id or name.
    #[error("no {resource} has the name or id {wanted}")]
    NoSuchProject {
        /// `project` or `domain`.
        resource: &'static str,
        /// The id or the name.
        wanted: String,
    },

    /// Several projects, in several domains, have this name.
    #[error("several {resource}s are named {wanted}: {}", .ids.join(", "))]
    DuplicateProject {
        /// `project` or `domain`.
        resource: &'static str,
        /// The name.
        wanted: String,
        /// Their ids.
        ids: Vec<String>,
    },

    /// 409: the image has another status than the call needs, or the id is in use.
    #[error("{0}")]
    Conflict(Box<Answer>),

    /// 410: the image was deleted in the meantime.
    #[error("{0}")]
    Gone(Box<Answer>),

    /// 413: quota, `image_size_cap`, a full store, or the body limit of a proxy.
    #[error("{0}")]
    TooLarge(Box<Answer>),

    /// 415: the data does not match `disk_format`, or fails the server's safety checks.
    #[error("{0}")]
    FormatRefused(Box<Answer>),

    /// 408, 429, 502, 503, 504: the service, or a proxy in front of it, is unavailable or overloaded.
    #[error("{0}")]
    Unavailable(Box<Answer>),

    /// Any other status, usually 500.
    #[error("{0}")]
    Unexpected(Box<Answer>),

    /// No response: connecting, TLS, sending or receiving failed.
    #[error("{method} {url} got no answer")]
    Transport {
        /// The method.
        method: Method,
        /// The address, without user information.
        url: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// No response within the time-out.
    #[error("{method} {url} timed out")]
    TimedOut {
        /// The method.
        method: Method,
        /// The address, without user information.
        url: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// 204 in response to a download: the image has no data.
    #[error("image {id} has no data")]
    NoData {
        /// The image.
        id: String,
    },

    /// 416: the image has no bytes in this range.
    #[error("{0}")]
    OutOfRange(Box<Answer>),

    /// An import failed and recorded the failure in the image, whatever its status.
    #[error(
        "the import of image {}{} failed{}{}",
        .0.id, into_stores(&.0.stores), status_after_import(&.0.status), said(&.0.messages)
    )]
    ImportFailed(Box<NotActive>),

    /// The image did not become active.
    #[error(
        "image {} went from {} to {} and has no data{}",
        .0.id, .0.before, .0.status, said(&.0.messages)
    )]
    FellBack(Box<NotActive>),

    /// The time-out for an image passed; it may still become active.
    #[error("image {id} is still {status} after {} s", .waited.as_secs())]
    WaitedTooLong {
        /// The image.
        id: String,
        /// Its last known status.
        status: Status,
        /// The waiting time.
        waited: Duration,
    },

    /// The pages of a list form a cycle.
    #[error("the list {url} has no end: its pages repeat")]
    Endless {
        /// The address, without the values of its query.
        url: String,
    },

    /// The response does not match the API.
    #[error("cannot read the answer to {method} {url}")]
    Decode {
        /// The method.
        method: Method,
        /// The address, without user information.
        url: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An image that did not become active.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotActive {
    /// The image.
    pub id: String,
    /// Its status before the wait.
    pub before: Status,
    /// Its status now.
    pub status: Status,
    /// The stores that an import failed to write to.
    pub stores: Vec<String>,
    /// The messages of the image's failed tasks, the newest first.
    pub messages: Vec<String>,
}

/// A response of the server, or of a proxy in front of it, that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The method of the request.
    pub method: Method,
    /// The address of the request, without user information.
    pub url: String,
    /// The status of the response.
    pub status: StatusCode,
    /// `x-openstack-request-id`; missing in the 401 of the token middleware and in responses of proxies.
    pub request_id: Option<String>,
    /// The `Server` header, which distinguishes a proxy from the service.
    pub server: Option<String>,
    /// `Retry-After`: the minimum time before the next request.
    pub retry_after: Option<Duration>,
    /// The message of the server: `message` of a JSON body, the text of an HTML page, or plain text.
    pub message: String,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} answered {}", self.method, self.url, self.status.as_u16())?;
        if let Some(reason) = self.status.canonical_reason() {
            write!(f, " {reason}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match (&self.request_id, &self.server) {
            (Some(id), _) => write!(f, " ({id})"),
            // A response without a request id most likely does not come from Glance.
            (None, Some(server)) => write!(f, " (answered by {server})"),
            (None, None) => Ok(()),
        }
    }
}

impl Answer {
    /// The error for this status.
    pub(crate) fn into_error(self) -> Error {
        let answer = Box::new(self);
        match answer.status.as_u16() {
            400 => Error::BadRequest(answer),
            401 => Error::Unauthorized(answer),
            403 => Error::Forbidden(answer),
            404 => Error::NotFound(answer),
            409 => Error::Conflict(answer),
            410 => Error::Gone(answer),
            413 => Error::TooLarge(answer),
            415 => Error::FormatRefused(answer),
            416 => Error::OutOfRange(answer),
            408 | 429 | 502 | 503 | 504 => Error::Unavailable(answer),
            _ => Error::Unexpected(answer),
        }
    }
}

impl Error {
    /// The response that caused the error, if the server sent one.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Error::BadRequest(a)
            | Error::Unauthorized(a)
            | Error::Forbidden(a)
            | Error::NotFound(a)
            | Error::Conflict(a)
            | Error::Gone(a)
            | Error::TooLarge(a)
            | Error::FormatRefused(a)
            | Error::OutOfRange(a)
            | Error::Unavailable(a)
            | Error::Unexpected(a) => Some(a),
            _ => None,
        }
    }

    /// Whether the same call may succeed shortly afterwards.
    ///
    /// | error | |
    /// |---|---|
    /// | [`Unavailable`](Error::Unavailable), [`Transport`](Error::Transport), [`TimedOut`](Error::TimedOut) | yes |
    /// | [`Unexpected`](Error::Unexpected) | yes if it is a 5xx |
    /// | [`Login`](Error::Login) | as its source |
    /// | all others | no |
    ///
    /// It does not say whether the call may be repeated: a body may be consumed, and a call without a
    /// response may have been executed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unavailable(_) | Error::Transport { .. } | Error::TimedOut { .. } => true,
            Error::Login { source, .. } => {
                source.downcast_ref::<Error>().is_none_or(Error::is_transient)
            }
            Error::Unexpected(answer) => answer.status.is_server_error(),
            _ => false,
        }
    }

    /// Whether a server responded that it is overloaded or out of order: the address is correct, and the same
    /// call may succeed shortly afterwards.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        match self {
            Error::Login { answered, .. } => *answered,
            error => error.answer().is_some() && error.is_transient(),
        }
    }

    /// The minimum time before the same call is repeated, as requested by the server.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Login { source, .. } => source.downcast_ref::<Error>()?.retry_after(),
            error => error.answer().and_then(|answer| answer.retry_after),
        }
    }

    /// The status of the response, if the server sent one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(|answer| answer.status)
    }
}

/// The regions with an image endpoint, to append to a sentence.
fn elsewhere(regions: &[String]) -> String {
    if regions.is_empty() {
        String::new()
    } else {
        format!("; regions with such an endpoint: {}", regions.join(", "))
    }
}

/// The stores of an import, to append to a sentence.
fn into_stores(stores: &[String]) -> String {
    if stores.is_empty() { String::new() } else { format!(" into {}", stores.join(", ")) }
}

/// The status after a failed import, to append to a sentence. Glance leaves some images `importing`, which
/// would contradict the failure.
fn status_after_import(status: &Status) -> String {
    match status {
        Status::Importing => String::new(),
        status => format!("; the image is {status}"),
    }
}

/// The messages of tasks, to append to a sentence.
fn said(messages: &[String]) -> String {
    if messages.is_empty() { String::new() } else { format!(" ({})", messages.join("; ")) }
}

/// The readable part of an error body: `message` of Glance's JSON, or else the text without markup, in one
/// line of at most [`MESSAGE_CHARS`].
///
/// Glance sends JSON, an HTML page or plain text, depending on the request's `Accept`; a proxy sends HTML in
/// any case.
pub(crate) fn readable(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let message = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|json| json_message(&json))
        .unwrap_or_else(|| text.into_owned());
    let plain = without_markup(&message);
    let plain = without_schema(&plain);
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    // Plain-text responses begin with their own status line, which the error shows anyway.
    let line = match line.split_once(' ') {
        Some((code, rest)) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()) => {
            let reason = code
                .parse()
                .ok()
                .and_then(|code| StatusCode::from_u16(code).ok())
                .and_then(|status| status.canonical_reason())
                .unwrap_or_default();
            // "Payload Too Large" became "Content Too Large"; Glance still uses the oldest form.
            [reason, "Request Entity Too Large"]
                .iter()
                .find_map(|reason| rest.strip_prefix(reason))
                .unwrap_or(rest)
                .trim_start()
                .to_owned()
        }
        _ => line,
    };
    if line.chars().count() > MESSAGE_CHARS {
        line.chars().take(MESSAGE_CHARS).chain("…".chars()).collect()
    } else {
        line
    }
}

/// Enough for every message of Glance, while the page of a proxy stays one line.
const MESSAGE_CHARS: usize = 400;

/// The message in Glance's `{"message"}` or Keystone's `{"error": {"message"}}`.
fn json_message(json: &serde_json::Value) -> Option<String> {
    let message = json.get("message").or_else(|| json.get("error")?.get("message"))?;
    message.as_str().map(str::to_owned)
}

/// What is wrong with JSON, without the names that the parser has for it and without a position in a text
/// that the reader does not see.
pub(crate) fn json_problem(
    error: &serde_json::Error,
) -> Box<dyn std::error::Error + Send + Sync + 'static> {
    let text = error.to_string();
    match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        Some((field, _)) => format!("it has no \"{field}\"").into(),
        None if text.starts_with("recursion limit") => "it is nested too deeply".into(),
        None if error.is_eof() => "it is cut off".into(),
        None if error.is_syntax() => "it is not JSON".into(),
        None => "a value in it has an unexpected type".into(),
    }
}

/// The message of Glance about a value that its JSON schema forbids, without the schema: what is wrong, and the
/// property. All other messages are returned unchanged.
fn without_schema(message: &str) -> String {
    let Some((what, rest)) = message.split_once("Failed validating ") else {
        return message.to_owned();
    };
    let what = match what.split_once("does not match schema ").and_then(|(_, r)| r.split_once(": "))
    {
        Some((_, what)) => what.trim(),
        None => what.trim(),
    };
    // `On instance['min_disk']:` names the value, and `schema['properties']['min_disk']` the rule.
    let names = |place: &str| {
        let (_, after) = rest.split_once(place)?;
        let (path, _) = after.split_once(':')?;
        let names: Vec<_> = path.split(['[', ']', '\'']).filter(|name| !name.is_empty()).collect();
        (!names.is_empty()).then(|| names.join("."))
    };
    match names("On instance") {
        Some(name) => format!("{name}: {what}"),
        None => what.to_owned(),
    }
}

fn without_markup(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        // A `<` that does not begin a tag is text: `size < 5`.
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        let Some((name, after)) = tag.split_once('>').filter(|_| is_tag) else {
            plain.push('<');
            rest = tag;
            continue;
        };
        let name = name.to_ascii_lowercase();
        rest = after;
        // Scripts and styles contain no message.
        for hidden in ["script", "style"] {
            if name.split_whitespace().next() == Some(hidden) {
                let close = format!("</{hidden}");
                let end = rest.to_ascii_lowercase().find(&close);
                rest = end.and_then(|at| rest.get(at..)).unwrap_or_default();
            }
        }
        plain.push(' ');
    }
    plain.push_str(rest);
    plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn json_html_and_plain_text_give_the_same_sentence() {
        let sentence = "Image status transition from active to saving is not allowed";
        let json =
            format!(r#"{{"message": "{sentence}<br /><br />\n\n\n", "code": "409 Conflict"}}"#);
        let html = format!(
            "<html>\n <head>\n  <title>409 Conflict</title>\n </head>\n <body>\n  <h1>409 Conflict</h1>\n  {sentence}<br /><br />\n </body>\n</html>"
        );
        let plain = format!("409 Conflict\n\n{sentence}\n\n   ");
        assert_eq!(readable(json.as_bytes()), sentence);
        assert_eq!(readable(plain.as_bytes()), sentence);
        assert!(readable(html.as_bytes()).ends_with(sentence));
    }

    /// Every recorded refusal yields a message of its own, whatever its form.
    #[test]
    fn recorded_refusals_give_their_reason() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-data/samples");
        let mut refusals = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let sample: serde_json::Value =
                serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let body = match &sample["body"] {
                serde_json::Value::String(text) => text.clone(),
                json => json.to_string(),
            };
            if sample["status"].as_u64().is_some_and(|status| status >= 400) && !body.is_empty() {
                let sentence = readable(body.as_bytes());
                let shown = path.display();
                assert!(sentence.split(' ').count() > 2, "{shown}: {sentence}");
                assert!(
                    !sentence.contains("<br") && !sentence.contains('\n'),
                    "{shown}: {sentence}"
                );
                let code = format!("{} ", sample["status"]);
                assert!(!sentence.starts_with(&code), "{shown}: {sentence}");
                refusals += 1;
            }
        }
        assert!(refusals >= 90, "only {refusals} refusals in the samples");
    }

    #[test]
    fn a_proxys_page_becomes_one_short_line() {
        let page = format!(
            "<html><head><style>p {{ color: red }}</style><title>413 Request Entity Too Large</title></head><body>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx</center>{}</body></html>",
            "<p>padding</p>".repeat(500)
        );
        let line = readable(page.as_bytes());
        assert!(line.contains("413 Request Entity Too Large nginx"), "{line}");
        assert!(!line.contains("color"), "{line}");
        assert!(line.chars().count() <= 401);
    }

    #[test]
    fn a_message_about_a_schema_names_the_property_and_not_the_schema() {
        let message = |what: &str, instance: &str| {
            format!(
                "400 Bad Request\n\nProvided object does not match schema 'image': {what}\n\nFailed \
                 validating 'type' in schema['properties']['min_disk']:\n    {{'type': 'integer',\n     \
                 'description': 'Amount of disk space (in GB) required to boot image.'}}\n\nOn \
                 instance{instance}:\n    'abc'\n\n   "
            )
        };
        let one = message("'abc' is not of type 'integer'", "['min_disk']");
        assert_eq!(readable(one.as_bytes()), "min_disk: 'abc' is not of type 'integer'");
        let root = message("'url' is a required property", "");
        assert_eq!(readable(root.as_bytes()), "'url' is a required property");
    }

    #[test]
    fn what_is_wrong_with_json_is_said_without_a_parsers_terms() {
        #[derive(Debug, serde::Deserialize)]
        struct Member {
            #[expect(dead_code, reason = "only read")]
            member_id: String,
        }
        let problem = |text: &str| {
            super::json_problem(&serde_json::from_str::<Member>(text).unwrap_err()).to_string()
        };
        assert_eq!(problem("{}"), "it has no \"member_id\"");
        assert_eq!(problem("{\"member_id\": 1}"), "a value in it has an unexpected type");
        assert_eq!(problem("<html>"), "it is not JSON");
        assert_eq!(problem(&"[".repeat(200)), "a value in it has an unexpected type");
        let deep = serde_json::from_str::<serde_json::Value>(&"[".repeat(200)).unwrap_err();
        assert_eq!(super::json_problem(&deep).to_string(), "it is nested too deeply");
        assert_eq!(problem("{\"member_id\": \"a"), "it is cut off");
    }

    #[test]
    fn text_that_only_looks_like_markup_survives() {
        assert_eq!(readable(b"size 5 < 6 and 7 > 6"), "size 5 < 6 and 7 > 6");
        assert_eq!(readable(b""), "");
        assert_eq!(readable(&[0xff, 0xfe]), "\u{fffd}\u{fffd}");
    }
}
