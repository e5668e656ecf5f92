//! `/v2/cache`: the content of the image cache. Downloads are never served from it.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::clock;
use crate::policy::Caller;
use crate::response::{Refusal, image_not_found, refuse};
use crate::state::State;

/// `GET /v2/cache`.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Refusal> {
    caller.require_admin("cache_list")?;
    let inner = state.lock();
    let entry = |(number, image, at, size): &(u64, String, u64, u64)| {
        // The driver stores times as seconds with a fraction.
        let seconds = *at as f64 / 1e6;
        json!({
            "id": number,
            "image_id": image,
            "last_accessed": seconds,
            "last_modified": seconds,
            "size": size,
            "hits": 0,
            "checksum": null,
        })
    };
    let entries: Vec<Value> = inner.cache.entries.iter().map(entry).collect();
    Ok(Json(json!({"cached_images": entries, "queued_images": []})))
}

/// `PUT /v2/cache/{id}`: queued, and cached at once.
pub(super) async fn put(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let image = state.image(&caller, &id).map_err(|_| image_not_found(&id))?;
    caller.require_admin("cache_image")?;
    if image.status() != "active" {
        let text = "Only images with status active can be targeted for queueing";
        return Err(refuse(400, text));
    }
    state.change_work(|inner| {
        if !inner.cache.entries.iter().any(|(_, cached, ..)| *cached == id) {
            inner.cache.made += 1;
            let size = image.record["size"].as_u64().unwrap_or(0);
            let entry = (inner.cache.made, id, clock::now(), size);
            inner.cache.entries.push(entry);
        }
    });
    Ok(StatusCode::ACCEPTED)
}

/// `DELETE /v2/cache/{id}`: no error for an image that is not cached, if it exists.
pub(super) async fn delete(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.image(&caller, &id).map_err(|_| image_not_found(&id))?;
    caller.require_admin("cache_delete")?;
    state.change_work(|inner| inner.cache.entries.retain(|(_, cached, ..)| *cached != id));
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/cache`.
pub(super) async fn clear(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    caller.require_admin("cache_delete")?;
    let target = headers.get("x-image-cache-clear-target").map(http::HeaderValue::as_bytes);
    let target = String::from_utf8_lossy(target.unwrap_or_default()).to_lowercase();
    match target.as_str() {
        "" | "cache" => state.change_work(|inner| inner.cache.entries.clear()),
        // The queue is always empty.
        "queue" => {}
        _ => {
            return Err(refuse(
                400,
                "If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.",
            ));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v2/cache/clean`: there are no invalid entries.
pub(super) async fn clean(Extension(caller): Extension<Caller>) -> Result<StatusCode, Refusal> {
    caller.require_admin("cache_clean")?;
    Ok(StatusCode::OK)
}

/// `POST /v2/cache/prune`: the cache never exceeds its limit.
pub(super) async fn prune(Extension(caller): Extension<Caller>) -> Result<Json<Value>, Refusal> {
    caller.require_admin("cache_prune")?;
    Ok(Json(json!({"total_files_pruned": 0, "total_bytes_pruned": 0})))
}

/// `GET /v2/cache/nodes/{id}`: the addresses of the nodes that have the image.
pub(super) async fn nodes(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    caller.require_admin("list_cached_nodes")?;
    state.image(&caller, &id).map_err(|_| image_not_found(&id))?;
    let is_cached = state.lock().cache.entries.iter().any(|(_, cached, ..)| *cached == id);
    Ok(Json(if is_cached { json!([state.url]) } else { json!([]) }))
}
