//! Requests and responses.

use serde_json::{Value, json};

/// A request without its body.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) length: Length,
    /// Whether the client waits for `100 Continue`.
    pub(crate) expects: bool,
    /// Whether the client closes the connection after it.
    pub(crate) is_last: bool,
}

/// The length of a body.
pub(crate) enum Length {
    Known(u64),
    Chunked,
}

/// A response; all but 204 have a JSON body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Answer { status, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn empty() -> Self {
        Answer { status: 204, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn not_found() -> Self {
        Answer::json(404, &json!({"message": "not found"}))
    }
}
