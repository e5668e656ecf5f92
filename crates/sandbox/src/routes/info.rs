//! What the service says of itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::state::State;

/// Glance's default `disk_formats`.
pub(super) const DISK_FORMATS: [&str; 11] =
    ["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"];
/// Glance's default `container_formats`.
pub(super) const CONTAINER_FORMATS: [&str; 8] =
    ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"];
/// What an image can be imported by.
pub(super) const IMPORT_METHODS: [&str; 1] = ["glance-direct"];

/// `GET /`: 300 with the list of versions.
pub(super) async fn choices(Shared(state): Shared<Arc<State>>) -> Response {
    (StatusCode::MULTIPLE_CHOICES, Json(list(&state))).into_response()
}

/// `GET /versions`.
pub(super) async fn versions(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(list(&state))
}

/// In no useful order, as Glance has them.
fn list(state: &State) -> Value {
    let version = |(id, status): (&str, &str)| {
        let links = json!([{"rel": "self", "href": format!("{}/v2/", state.url)}]);
        json!({"id": id, "status": status, "links": links})
    };
    let versions = [
        ("v2.15", "SUPPORTED"),
        ("v2.13", "SUPPORTED"),
        ("v2.17", "CURRENT"),
        ("v2.9", "SUPPORTED"),
        ("v2.7", "SUPPORTED"),
        ("v2.6", "SUPPORTED"),
        ("v2.5", "SUPPORTED"),
        ("v2.4", "SUPPORTED"),
        ("v2.3", "SUPPORTED"),
        ("v2.2", "SUPPORTED"),
        ("v2.1", "SUPPORTED"),
        ("v2.0", "SUPPORTED"),
    ];
    let versions = versions.map(version);
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
pub(super) async fn usage(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    let mut usage = Map::new();
    let used = used(&state);
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

/// What counts against the quotas.
pub(super) struct Used {
    pub(super) mib: u64,
    images: u64,
    pub(super) uploading: u64,
}

pub(super) fn used(state: &State) -> Used {
    let inner = state.lock();
    let records = inner.images.values();
    let bytes: u64 = records.clone().filter_map(|record| record["size"].as_u64()).sum();
    let uploading =
        records.filter(|r| matches!(r["status"].as_str(), Some("saving" | "uploading")));
    Used {
        mib: bytes >> 20,
        images: inner.images.len() as u64,
        uploading: uploading.count() as u64,
    }
}

/// `GET /v2/schemas/image`: the parts that a client can use.
pub(super) async fn schema() -> Json<Value> {
    let nullable = |values: &[&str]| -> Vec<Value> {
        std::iter::once(Value::Null).chain(values.iter().map(|v| json!(v))).collect()
    };
    Json(json!({
        "name": "image",
        "properties": {
            "id": {"type": "string", "description": "An identifier for the image"},
            "name": {"type": ["null", "string"], "maxLength": 255},
            "status": {"type": "string", "readOnly": true},
            "disk_format": {
                "type": ["null", "string"],
                "description": "Format of the disk",
                "enum": nullable(&DISK_FORMATS),
            },
            "container_format": {
                "type": ["null", "string"],
                "description": "Format of the container",
                "enum": nullable(&CONTAINER_FORMATS),
            },
        },
        "additionalProperties": {"type": "string"},
    }))
}
