//! Image records: create, show, delete.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderName, StatusCode, header};
use serde_json::{Value, json};

use super::body::json_body;
use super::info::{IMPORT_METHODS, used};
use super::python::python;
use super::validate::{
    READ_ONLY, check_limits, check_schema, check_value, is_reserved, read_only, reserved,
    without_duplicates,
};
use crate::faults::{Fault, Scripted};
use crate::image::{Image, Record};
use crate::policy::Caller;
use crate::response::{Refusal, forbid, internal_error, refuse, refuse_since};
use crate::state::State;

/// `POST /v2/images`.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, Refusal> {
    let Value::Object(mut given) = json_body(body).await? else { return Err(internal_error()) };
    check(&given)?;
    // Glance neither refuses nor takes these two.
    given.retain(|key, _| !matches!(key.as_str(), "os_hash_algo" | "os_hash_value"));
    caller.require_member("add_image")?;
    let owner = given.get("owner").cloned().unwrap_or_else(|| json!(caller.project.as_deref()));
    if !caller.is_admin() && owner != json!(caller.project.as_deref()) {
        let owner = owner.as_str().unwrap_or("None");
        let text = format!("You are not permitted to create images owned by '{owner}'");
        return Err(refuse_since(403, text));
    }
    if given.get("visibility") == Some(&json!("public")) && !caller.is_admin() {
        return Err(forbid("publicize_image"));
    }
    let quota = state.options.quota.image_count_total;
    let count = used(&state, &caller).images;
    if quota.is_some_and(|limit| i64::try_from(count).unwrap_or(i64::MAX) >= limit) {
        return Err(over_quota(&caller, "image_count_total", quota.unwrap_or(0), count, 1));
    }
    if let Some(key) = given.keys().find(|key| READ_ONLY.contains(&key.as_str())) {
        return Err(read_only(key));
    }
    if given.contains_key("locations") {
        return Err(refuse(403, "Attribute 'locations' is reserved."));
    }
    for (key, value) in &given {
        check_value(key, value)?;
    }
    let id = given.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let path = format!("/v2/images/{id}");
    let fresh = json!({
        "name": null, "disk_format": null, "container_format": null, "visibility": "shared",
        "size": null, "virtual_size": null, "status": "queued", "checksum": null,
        "protected": false, "min_ram": 0, "min_disk": 0, "os_hidden": false,
        "os_hash_algo": null, "os_hash_value": null, "id": id, "tags": [], "self": path,
        "file": format!("{path}/file"), "schema": "/v2/schemas/image",
    });
    let Value::Object(mut record) = fresh else { unreachable!("the literal is an object") };
    record.extend(given);
    record.insert("owner".into(), owner);
    check_limits(&record)?;
    let tags = without_duplicates(&record["tags"]);
    record.insert("tags".into(), tags);
    let image = state.add(Image::new(record))?;
    let mut headers = vec![
        (header::LOCATION, format!("{}{path}", state.url)),
        (HeaderName::from_static("openstack-image-import-methods"), IMPORT_METHODS.join(",")),
    ];
    let stores = state.options.all_stores();
    if !stores.is_empty() {
        headers.push((HeaderName::from_static("openstack-image-store-ids"), stores.join(",")));
    }
    let mut response = (StatusCode::CREATED, Json(&image.record)).into_response();
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Checks that do not depend on the caller.
fn check(given: &Record) -> Result<(), Refusal> {
    for key in ["direct_url", "self", "file", "schema", "stores"] {
        if given.contains_key(key) {
            return Err(read_only(key));
        }
    }
    for (key, value) in given {
        if !READ_ONLY.contains(&key.as_str()) {
            check_schema(key, value)?;
        }
    }
    for key in given.keys() {
        if key.chars().count() > 255 {
            let text = "Custom property should not be greater than 255 characters.";
            return Err(refuse(400, text));
        }
        if is_reserved(key) {
            return Err(reserved(key));
        }
    }
    Ok(())
}

/// The record as a caller sees it. Of deactivated images Glance shows the stores only to administrators.
pub(super) fn shown<'a>(caller: &Caller, image: &'a Image) -> Cow<'a, Record> {
    if image.status() != "deactivated" || caller.is_admin() {
        return Cow::Borrowed(&image.record);
    }
    let mut record = image.record.clone();
    record.remove("stores");
    Cow::Owned(record)
}

/// `GET /v2/images/{id}`.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Extension(Scripted(fault)): Extension<Scripted>,
) -> Result<Response, Refusal> {
    let image = state.image(&caller, &id)?;
    let mut record = shown(&caller, &image).into_owned();
    if let Some(Fault::ShownAs(status)) = fault {
        record.insert("status".to_owned(), status.into());
        for key in ["size", "checksum", "os_hash_algo", "os_hash_value"] {
            record.insert(key.to_owned(), Value::Null);
        }
    }
    Ok(Json(&record).into_response())
}

/// `DELETE /v2/images/{id}`.
pub(super) async fn delete(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let gone = |_| refuse(404, format!("Failed to find image {id} to delete"));
    let image = state.image(&caller, &id).map_err(gone)?;
    caller.require_owner(&image, "delete_image")?;
    state.remove(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The 413 of a quota, with Glance's message.
pub(super) fn over_quota(
    caller: &Caller,
    name: &str,
    limit: i64,
    used: u64,
    needed: u64,
) -> Refusal {
    let project = python(&json!(caller.project.as_deref()));
    let project = project.trim_matches('\'');
    refuse(
        413,
        format!(
            "The request returned a 413 Request Entity Too Large. This generally means that rate \
             limiting or a quota threshold was breached.\n\nThe response body:\nProject {project} \
             is over a limit for [Resource {name} is over limit of {limit} due to current usage \
             {used} and delta {needed}]"
        ),
    )
}
