//! Responses in the form of Keystone.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::directory::Resource;
use crate::state::State;

/// The maximum number of bytes of a body.
const BODY_LIMIT: usize = 1 << 20;

/// A refusal of the identity service, which is always JSON.
pub(super) struct IdentityRefusal {
    status: u16,
    message: String,
    challenge: Option<String>,
}

pub(super) fn refuse(status: u16, message: impl Into<String>) -> IdentityRefusal {
    IdentityRefusal { status, message: message.into(), challenge: None }
}

/// 401, whatever was wrong.
pub(super) fn unauthorized(state: &State) -> IdentityRefusal {
    IdentityRefusal {
        challenge: Some(format!("Keystone uri=\"{}/v3\"", state.url)),
        ..refuse(401, "The request you have made requires authentication.")
    }
}

pub(super) fn forbidden(action: &str) -> IdentityRefusal {
    let text =
        format!("You are not authorized to perform the requested action: identity:{action}.");
    refuse(403, text)
}

pub(super) fn not_found(kind: &str, id: &str) -> IdentityRefusal {
    refuse(404, format!("Could not find {kind}: {id}."))
}

/// The 400 of a body without a part.
pub(super) fn expected(what: &str, place: &str) -> IdentityRefusal {
    refuse(
        400,
        format!(
            "Expecting to find {what} in {place}. The server could not comply with the request since \
             it is either malformed or otherwise incorrect. The client is assumed to be in error."
        ),
    )
}

impl IntoResponse for IdentityRefusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let title = match self.status {
            413 => "Request Entity Too Large",
            _ => status.canonical_reason().unwrap_or("Error"),
        };
        let body = json!({"error": {
            "code": self.status, "message": self.message, "title": title,
        }});
        let mut response = (status, axum::Json(body)).into_response();
        if let Some(challenge) = self.challenge.and_then(|text| text.parse().ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Reads a body, which must be an object; an empty one counts as an empty object.
pub(super) async fn json_body(body: Body) -> Result<Value, IdentityRefusal> {
    let bytes = axum::body::to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|_| refuse(413, "Request is too large."))?;
    let malformed = |_| expected("valid JSON", "request body");
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    let body: Value = serde_json::from_slice(&bytes).map_err(malformed)?;
    if body.is_object() { Ok(body) } else { Err(expected("a JSON object", "request body")) }
}

/// The address under which the caller reached this service, which may be that of a proxy.
pub(super) fn base(state: &State, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.map_or_else(|| state.url.clone(), |host| format!("http://{host}"))
}

/// A resource with its link.
pub(super) fn linked(resource: &Resource, url: &str, collection: &str) -> Value {
    let mut shown = resource.clone();
    let id = resource.get("id").and_then(Value::as_str).unwrap_or_default();
    shown.insert("links".into(), json!({"self": format!("{url}/v3/{collection}/{id}")}));
    Value::Object(shown)
}

/// A complete list under this name.
pub(super) fn listed(name: &str, resources: Vec<Value>, url: &str, path: &str) -> Value {
    let links = json!({"next": null, "self": format!("{url}/v3/{path}"), "previous": null});
    let mut shown = json!({"links": links});
    shown[name] = resources.into();
    shown
}
