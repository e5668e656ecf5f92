//! Information about the service.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::policy::Caller;
use crate::state::State;

/// The import methods.
pub(super) const IMPORT_METHODS: [&str; 4] =
    ["glance-direct", "web-download", "glance-download", "copy-image"];

/// `/`, and any path of no version: 300 with the list of versions.
pub(super) async fn choices(Shared(state): Shared<Arc<State>>) -> Response {
    (StatusCode::MULTIPLE_CHOICES, Json(list(&state))).into_response()
}

/// `/healthcheck`, in both forms.
pub(super) async fn healthcheck(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    match accept.is_some_and(|accept| accept.contains("application/json")) {
        true => Json(json!({"detailed": false, "reasons": ["OK"]})).into_response(),
        false => "OK".into_response(),
    }
}

/// `/v2` and its minor versions without a path.
pub(super) async fn redirect(Shared(state): Shared<Arc<State>>) -> Response {
    let to = [(header::LOCATION, format!("{}/v2/", state.url))];
    (StatusCode::FOUND, to).into_response()
}

/// `GET /versions`.
pub(super) async fn versions(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(list(&state))
}

fn list(state: &State) -> Value {
    let version = |(id, status): (&str, &str)| {
        let links = json!([{"rel": "self", "href": format!("{}/v2/", state.url)}]);
        json!({"id": id, "status": status, "links": links})
    };
    // Versions that need several stores, and those that are always available; the cache makes 2.18 current.
    let with_stores: &[&str] = match state.options.stores.is_empty() {
        true => &["v2.9"],
        false => &["v2.13", "v2.12", "v2.11", "v2.10", "v2.9", "v2.8"],
    };
    let new = ["v2.17", "v2.16", "v2.15", "v2.14"];
    let old = ["v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"];
    let others = new.iter().chain(with_stores).chain(&old).map(|id| (*id, "SUPPORTED"));
    let versions: Vec<Value> =
        std::iter::once(("v2.18", "CURRENT")).chain(others).map(version).collect();
    json!({"versions": versions})
}

/// `GET /v2/info/import`.
pub(super) async fn import() -> Json<Value> {
    Json(json!({"import-methods": {
        "description": "Import methods available.",
        "type": "array",
        "value": IMPORT_METHODS,
    }}))
}

/// `GET /v2/info/usage`: empty without quotas.
pub(super) async fn usage(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
) -> Json<Value> {
    let mut usage = Map::new();
    let used = used(&state, &caller);
    let quota = state.options.quota;
    for (name, limit, used) in [
        ("image_size_total", quota.image_size_total, used.mib),
        ("image_count_total", quota.image_count_total, used.images),
        ("image_count_uploading", quota.image_count_uploading, used.uploading),
    ] {
        if let Some(limit) = limit {
            usage.insert(name.to_owned(), json!({"usage": used, "limit": limit}));
        }
    }
    Json(json!({"usage": usage}))
}

/// The amounts that count against the quotas of the caller's project.
pub(super) struct Used {
    pub(super) mib: u64,
    pub(super) images: u64,
    pub(super) uploading: u64,
}

pub(super) fn used(state: &State, caller: &Caller) -> Used {
    let inner = state.lock();
    let mut used = Used { mib: 0, images: 0, uploading: 0 };
    let mut bytes = 0;
    for image in inner.images.values().filter(|image| image.owner() == caller.project.as_deref()) {
        used.images += 1;
        bytes += image.record["size"].as_u64().unwrap_or(0);
        used.uploading += u64::from(matches!(image.status(), "saving" | "uploading"));
    }
    used.mib = bytes >> 20;
    used
}
