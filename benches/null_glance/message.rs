//! Requests and responses.

use std::path::PathBuf;

use serde_json::{Value, json};

/// A request without its body.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) length: Length,
    /// The header `Range`.
    pub(crate) range: Option<String>,
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

/// The body of a response.
pub(crate) enum Body {
    None,
    Json(String),
    /// A part of a file.
    File {
        path: PathBuf,
        from: u64,
        length: u64,
    },
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Answer { status, headers: Vec::new(), body: Body::Json(body.to_string()) }
    }

    pub(crate) fn empty() -> Self {
        Answer { status: 204, headers: Vec::new(), body: Body::None }
    }

    pub(crate) fn not_found() -> Self {
        Answer::json(404, &json!({"message": "not found"}))
    }
}
