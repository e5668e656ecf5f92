//! Tasks: those of an image, and all of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::body::json_body;
use super::query::{encoded, limit_of, pop};
use super::validate::{is_uuid, python};
use crate::policy::Caller;
use crate::response::{Refusal, no_resource, refuse};
use crate::state::State;

const RULE: &str = "tasks_api_access";

/// `GET /v2/images/{id}/tasks`: the tasks that the caller's project started.
pub(super) async fn of_image(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    state.image(&caller, &id).map_err(|_| no_resource())?;
    let inner = state.lock();
    let own = inner
        .tasks
        .iter()
        .filter(|task| task.image == id && (caller.is_admin() || task.owner == caller.project));
    let tasks: Vec<Value> = own.map(crate::task::Task::of_image).collect();
    Ok(Json(json!({"tasks": tasks})))
}

/// `GET /v2/tasks`.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Refusal> {
    caller.require_admin(RULE)?;
    let mut filters = query.clone();
    let limit = pop(&mut filters, "limit");
    let marker = pop(&mut filters, "marker");
    let direction = pop(&mut filters, "sort_dir").unwrap_or_else(|| "desc".to_owned());
    let key = pop(&mut filters, "sort_key").unwrap_or_else(|| "created_at".to_owned());
    if !matches!(direction.as_str(), "asc" | "desc") {
        return Err(refuse(400, format!("Invalid sort direction: {direction}")));
    }
    let filter = |name: &str| filters.iter().rfind(|(key, _)| key == name).map(|(_, v)| v.clone());
    let (status, kind) = (filter("status"), filter("type"));
    let statuses = ["pending", "processing", "success", "failure"];
    if let Some(status) = status.as_deref().filter(|status| !statuses.contains(status)) {
        return Err(refuse(400, format!("Invalid status value: {status}")));
    }
    if let Some(kind) = kind.as_deref().filter(|kind| *kind != "import") {
        return Err(refuse(400, format!("Invalid type value: {kind}")));
    }
    if marker.as_deref().is_some_and(|marker| !is_uuid(marker)) {
        return Err(refuse(400, "Invalid marker format"));
    }
    let limit = limit_of(limit.as_deref())?;
    if !["created_at", "updated_at", "id", "status", "type"].contains(&key.as_str()) {
        return Err(refuse(400, "Sort key supplied was not valid."));
    }
    let mut tasks = state.lock().tasks.clone();
    tasks.retain(|task| {
        status.as_deref().is_none_or(|status| status == task.status)
            && kind.as_deref().is_none_or(|kind| kind == task.kind)
    });
    tasks.sort_by_cached_key(|task| match key.as_str() {
        "id" => task.id.clone(),
        "status" => task.status.to_owned(),
        "type" => task.kind.to_owned(),
        _ => format!("{:020}", task.created),
    });
    if direction == "desc" {
        tasks.reverse();
    }
    if let Some(marker) = marker {
        let at = tasks
            .iter()
            .position(|task| task.id == marker)
            .ok_or_else(|| refuse(400, format!("Task with the given id {marker} was not found")))?;
        tasks.drain(..=at);
    }
    tasks.truncate(limit);
    let stubs: Vec<Value> = tasks.iter().map(crate::task::Task::stub).collect();
    let (first, next) = encoded("/v2/tasks", &query, tasks.last().map(|task| task.id.as_str()));
    let mut answer = json!({"tasks": stubs, "first": first, "schema": "/v2/schemas/tasks"});
    if let Some(next) = next.filter(|_| tasks.len() == limit) {
        answer["next"] = next.into();
    }
    Ok(Json(answer))
}

/// `GET /v2/tasks/{id}`.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    caller.require_admin(RULE)?;
    let inner = state.lock();
    let task = inner.tasks.iter().find(|task| task.id == id);
    let task = task.ok_or_else(|| refuse(404, format!("Could not find task {id}")))?;
    Ok(Json(task.full()))
}

/// `POST /v2/tasks`: the old import interface, which is always refused here.
pub(super) async fn create(
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<(), Refusal> {
    caller.require_admin(RULE)?;
    let body = json_body(body).await?;
    for key in ["type", "input"] {
        if body.get(key).is_none() {
            return Err(refuse(400, format!("Task '{key}' is required")));
        }
    }
    let from = python(&body["input"]["import_from"]);
    Err(refuse(400, format!("Invalid location: {}", from.trim_matches('\''))))
}

/// `DELETE /v2/tasks/{id}`.
pub(super) async fn delete(Extension(caller): Extension<Caller>) -> Result<(), Refusal> {
    caller.require_admin(RULE)?;
    Err(refuse(
        405,
        "This operation is currently not permitted on Glance Tasks. They are auto deleted after \
         reaching the time based on their expires_at property.",
    ))
}
