//! The version documents.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::reply::base;
use crate::state::State;

/// `GET /identity`: 300 with the one version.
pub(super) async fn choices(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    let url = format!("{}/identity/v3/", base(&state, &headers));
    let body = json!({"versions": {"values": [document(&url)]}});
    (StatusCode::MULTIPLE_CHOICES, [(header::LOCATION, url)], Json(body)).into_response()
}

/// `GET /v3`.
pub(super) async fn version(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
) -> Json<Value> {
    let path = uri.path().trim_end_matches('/');
    Json(json!({"version": document(&format!("{}{path}/", base(&state, &headers)))}))
}

fn document(url: &str) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": url}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}
