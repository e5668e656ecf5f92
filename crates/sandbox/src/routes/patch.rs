//! `PATCH /v2/images/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use serde_json::Value;

use super::images::{READ_ONLY, accept};
use crate::answer::{Refusal, refuse, unsupported};
use crate::state::{Record, State};

const MEDIA_TYPES: &str =
    "application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch";

pub(super) async fn patch(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("None");
    if !MEDIA_TYPES.split(", ").any(|known| known == media_type) {
        let reason = format!("Image PATCH expects Content-Type one of: {MEDIA_TYPES}");
        let refusal = unsupported(media_type, &reason);
        let accepted = [(HeaderName::from_static("accept-patch"), MEDIA_TYPES)];
        return Ok((accepted, refusal).into_response());
    }
    let operations: Vec<Value> = serde_json::from_slice(&body)
        .map_err(|_| refuse(400, "Malformed JSON in request body."))?;
    let record = state.change(&id, |record| {
        operations.iter().try_for_each(|operation| apply(record, operation))
    })?;
    Ok(Json(Value::Object(record)).into_response())
}

fn apply(record: &mut Record, operation: &Value) -> Result<(), Refusal> {
    let path = operation["path"].as_str().unwrap_or_default();
    let key = path
        .strip_prefix('/')
        .filter(|key| !key.is_empty() && !key.contains('/'))
        .ok_or_else(|| refuse(400, format!("Invalid JSON pointer for this resource: '{path}'")))?;
    let key = key.replace("~1", "/").replace("~0", "~");
    let value = &operation["value"];
    let is_base = BASE.contains(&key.as_str()) || READ_ONLY.contains(&key.as_str());
    let present = record.contains_key(&key);
    match operation["op"].as_str() {
        Some("remove") if is_base => {
            Err(refuse(403, format!("Property '{key}' may not be removed.")))
        }
        Some("remove" | "replace") if !present => {
            Err(refuse(409, format!("Property {key} does not exist.")))
        }
        Some("remove") => {
            record.remove(&key);
            Ok(())
        }
        Some("add" | "replace") => {
            accept(&key, value)?;
            let status = &record["status"];
            if matches!(key.as_str(), "disk_format" | "container_format") && status != "queued" {
                let text = format!("Attribute {key} can be only replaced for a queued image.");
                return Err(refuse(403, text));
            }
            if key == "id" {
                return Err(refuse(403, "Attribute 'id' is read-only."));
            }
            record.insert(key, value.clone());
            Ok(())
        }
        _ => Err(refuse(400, "Operations must be add, remove or replace.")),
    }
}

/// Attributes that every record has.
const BASE: [&str; 11] = [
    "id",
    "name",
    "disk_format",
    "container_format",
    "visibility",
    "protected",
    "os_hidden",
    "min_disk",
    "min_ram",
    "owner",
    "tags",
];
