//! Tasks: those of an image, and all of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::body::json_body;
use super::json_schema::{self, is_uuid};
use super::query::{encoded, limit_of, pop, pop_direction};
use crate::fetch;
use crate::policy::Caller;
use crate::response::{Refusal, RequestId, internal_error, no_resource, refuse};
use crate::state::State;
use crate::task::{KINDS, STATUSES, Task};
use crate::work::OldImport;

const RULE: &str = "tasks_api_access";

/// `GET /v2/images/{id}/tasks`: the tasks that the caller's project started.
pub(super) async fn of_image(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    state.image(&caller, &id).map_err(|_| no_resource())?;
    let inner = state.lock();
    let own = inner.tasks.iter().filter(|task| {
        task.image.as_deref() == Some(&*id) && (caller.is_admin() || task.owner == caller.project)
    });
    let tasks: Vec<Value> = own.map(Task::of_image).collect();
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
    let direction = pop_direction(&mut filters)?;
    let key = pop(&mut filters, "sort_key").unwrap_or_else(|| "created_at".to_owned());
    let filter = |name: &str| filters.iter().rfind(|(key, _)| key == name).map(|(_, v)| v.clone());
    let (status, kind) = (filter("status"), filter("type"));
    if let Some(status) = status.as_deref().filter(|status| !STATUSES.contains(status)) {
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
    let stubs: Vec<Value> = tasks.iter().map(Task::stub).collect();
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

/// `POST /v2/tasks`: the old import interface. An import creates an image from data on a web server.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Extension(request): Extension<RequestId>,
    body: Body,
) -> Result<Response, Refusal> {
    let body = json_body(body).await?;
    for key in ["type", "input"] {
        if body.get(key).is_none_or(Value::is_null) {
            return Err(refuse(400, format!("Task '{key}' is required")));
        }
    }
    json_schema::check("task", &body)?;
    caller.require_admin(RULE)?;
    let kind = KINDS.into_iter().find(|kind| body["type"] == *kind).ok_or_else(internal_error)?;
    let input = body["input"].clone();
    if kind == "import" {
        check_source(&state, &input["import_from"])?;
    }
    let task = Task::new(kind, &caller, &request, None, input.clone());
    let (name, shown) = (task.id.clone(), task.full());
    state.change_work(|inner| inner.tasks.push(task));
    let location = format!("{}/v2/tasks/{name}", state.url);
    let old = OldImport { state, caller, task: name, kind, input };
    tokio::spawn(old.run());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shown)).into_response())
}

/// Refuses files of the server, and hosts that are not allowed.
fn check_source(state: &State, from: &Value) -> Result<(), Refusal> {
    let text = from.as_str().unwrap_or("None");
    let scheme = text.split("://").next().unwrap_or_default();
    if matches!(scheme, "file" | "filesystem") {
        let text =
            "File based imports are not allowed. Please use a non-local source of image data.";
        return Err(refuse(400, text));
    }
    match fetch::is_allowed(text, &state.options.allowed_hosts) {
        true => Ok(()),
        false => Err(refuse(400, format!("Invalid location: {text}"))),
    }
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
