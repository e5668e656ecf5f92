//! Records.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use serde_json::{Value, json};

use super::info::{CONTAINER_FORMATS, DISK_FORMATS, IMPORT_METHODS};
use crate::answer::{Refusal, refuse};
use crate::identity::PROJECT_ID;
use crate::state::{Record, State, now};

/// Keys of a record that only the service sets.
pub(super) const READ_ONLY: [&str; 14] = [
    "status",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "created_at",
    "updated_at",
    "file",
    "schema",
    "self",
    "direct_url",
    "stores",
    "locations",
];

/// `POST /v2/images`.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let given: Record = if body.is_empty() {
        Record::new()
    } else {
        serde_json::from_slice(&body).map_err(|_| refuse(400, "Malformed JSON in request body."))?
    };
    for (key, value) in &given {
        accept(key, value)?;
    }
    let quota = state.options.quota.image_count_total;
    let count = state.lock().images.len();
    if quota.is_some_and(|limit| i64::try_from(count).unwrap_or(i64::MAX) >= limit) {
        return Err(over_quota("image_count_total", quota.unwrap_or(0), count as u64, 1));
    }
    let id = given.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let path = format!("/v2/images/{id}");
    let owner = if state.options.require_token { json!(PROJECT_ID) } else { Value::Null };
    let time = now();
    let fresh = json!({
        "name": null, "disk_format": null, "container_format": null, "visibility": "shared",
        "size": null, "virtual_size": null, "status": "queued", "checksum": null,
        "protected": false, "min_ram": 0, "min_disk": 0, "owner": owner, "os_hidden": false,
        "os_hash_algo": null, "os_hash_value": null, "id": id, "created_at": time,
        "updated_at": time, "tags": [], "self": path, "file": format!("{path}/file"),
        "schema": "/v2/schemas/image",
    });
    let Value::Object(mut record) = fresh else { unreachable!("the literal is an object") };
    record.extend(given);
    let record = state.add(record)?;
    let headers = [
        (header::LOCATION, format!("{}{path}", state.url)),
        (HeaderName::from_static("openstack-image-import-methods"), IMPORT_METHODS.join(",")),
    ];
    Ok((StatusCode::CREATED, headers, Json(Value::Object(record))).into_response())
}

/// `GET /v2/images/{id}`.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(Value::Object(state.image(&id)?)))
}

/// `DELETE /v2/images/{id}`.
pub(super) async fn delete(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.remove(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v2/images/{id}/actions/{deactivate,reactivate}`.
pub(super) async fn act(
    Shared(state): Shared<Arc<State>>,
    Path((id, action)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let to = match action.as_str() {
        "deactivate" => "deactivated",
        "reactivate" => "active",
        _ => return Err(refuse(404, "The resource could not be found.")),
    };
    state.change(&id, |record| {
        let status = record["status"].as_str().unwrap_or_default();
        if !matches!(status, "active" | "deactivated") {
            let text = format!("Not allowed to {action} image in status '{status}'");
            return Err(refuse(403, text));
        }
        record.insert("status".into(), to.into());
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v2/images/{id}/tags/{tag}`.
pub(super) async fn tag(
    Shared(state): Shared<Arc<State>>,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    state.change(&id, |record| {
        if let Some(tags) = record["tags"].as_array_mut()
            && !tags.contains(&json!(tag))
        {
            tags.push(tag.into());
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/images/{id}/tags/{tag}`.
pub(super) async fn untag(
    Shared(state): Shared<Arc<State>>,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    state.change(&id, |record| {
        let tags = record["tags"].as_array_mut();
        let at = tags.as_ref().and_then(|tags| tags.iter().position(|t| *t == json!(tag)));
        match (tags, at) {
            (Some(tags), Some(at)) => drop(tags.remove(at)),
            _ => return Err(refuse(404, "Could not find tag.")),
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// There is one store, as in a Glance without `enabled_backends`.
pub(super) async fn no_stores() -> Refusal {
    refuse(404, "Multi backend is not supported at this site.")
}

/// Whether a key of a record may be set so by a client.
pub(super) fn accept(key: &str, value: &Value) -> Result<(), Refusal> {
    if key.starts_with("os_glance") {
        let text =
            format!("Access was denied to this resource.\n\n Attribute '{key}' is reserved.");
        return Err(refuse(403, text));
    }
    if READ_ONLY.contains(&key) {
        return Err(refuse(403, format!("Attribute '{key}' is read-only.")));
    }
    let mismatch = |what: String| {
        Err(refuse(400, format!("Provided object does not match schema 'image': {what}")))
    };
    let of = |formats: &[&str]| value.is_null() || formats.iter().any(|format| value == format);
    let text = |most: usize| value.as_str().is_some_and(|text| text.chars().count() <= most);
    match key {
        "id" if value.as_str().is_none_or(|id| uuid::Uuid::parse_str(id).is_err()) => {
            mismatch(format!("{value} does not match '^([0-9a-fA-F]){{8}}-…$'"))
        }
        "disk_format" if !of(&DISK_FORMATS) => {
            mismatch(format!("{value} is not one of {DISK_FORMATS:?}"))
        }
        "container_format" if !of(&CONTAINER_FORMATS) => {
            mismatch(format!("{value} is not one of {CONTAINER_FORMATS:?}"))
        }
        "visibility" if !of(&["community", "public", "private", "shared"]) || value.is_null() => {
            mismatch(format!("{value} is not one of ['community', 'public', 'private', 'shared']"))
        }
        "min_disk" | "min_ram" if !value.is_u64() => {
            mismatch(format!("{value} is not of type 'integer'"))
        }
        "protected" | "os_hidden" if !value.is_boolean() => {
            mismatch(format!("{value} is not of type 'boolean'"))
        }
        "name" if !(value.is_null() || text(255)) => mismatch(format!("{value} is too long")),
        "name" if value.as_str().is_some_and(|name| name.chars().any(|c| c.len_utf8() > 3)) => {
            Err(refuse(400, "Name can't contain 4 byte unicode characters."))
        }
        "tags" if !value.as_array().is_some_and(|tags| tags.iter().all(Value::is_string)) => {
            mismatch(format!("{value} is not of type 'array'"))
        }
        "id" | "disk_format" | "container_format" | "visibility" | "min_disk" | "min_ram"
        | "protected" | "os_hidden" | "name" | "tags" => Ok(()),
        "owner" if value.is_null() || value == PROJECT_ID => Ok(()),
        "owner" => Err(refuse(
            403,
            format!(
                "Access was denied to this resource.\n\n You are not permitted to create images \
                 owned by {value}"
            ),
        )),
        _ if !value.is_string() => mismatch(format!("{value} is not of type 'string'")),
        _ => Ok(()),
    }
}

/// The 413 of a quota, in Glance's words.
pub(super) fn over_quota(name: &str, limit: i64, used: u64, needed: u64) -> Refusal {
    refuse(
        413,
        format!(
            "The request returned a 413 Request Entity Too Large. This generally means that rate \
             limiting or a quota threshold was breached.\n\nThe response body:\nProject {PROJECT_ID} \
             is over a limit for [Resource {name} is over limit of {limit} due to current usage \
             {used} and delta {needed}]"
        ),
    )
}
