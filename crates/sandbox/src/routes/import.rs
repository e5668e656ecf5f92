//! `POST /v2/images/{id}/import`: checks and accepts the request; a task does the rest.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::body::json_body;
use super::info::IMPORT_METHODS;
use super::json_schema::is_uuid;
use crate::faults::Scripted;
use crate::fetch;
use crate::image::Image;
use crate::options::SandboxOptions;
use crate::policy::Caller;
use crate::response::{Refusal, RequestId, internal_error, refuse};
use crate::state::State;
use crate::task::Task;
use crate::work::{self, Import, Source};

pub(super) async fn import(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Extension(request): Extension<RequestId>,
    Extension(Scripted(fault)): Extension<Scripted>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let mut body = json_body(body).await?;
    let method = check_body(&body)?;
    let image = state.image(&caller, &id)?;
    check_status(&image, &method)?;
    let source = source(&mut body, &method)?;
    match source {
        Source::Own => caller.require_admin("copy_image")?,
        _ => caller.require_owner(&image, "modify_image")?,
    }
    if image.record.contains_key("os_glance_import_task") {
        return Err(refuse(409, "Image has active task"));
    }
    let mut stores = stores(&state.options, &body, &headers)?;
    if matches!(source, Source::Own) {
        let present = image.stores();
        if body["all_stores"] == json!(true) {
            stores.retain(|store| !present.contains(store));
            if stores.is_empty() {
                return Ok(StatusCode::ACCEPTED);
            }
        } else if let Some(store) = present.iter().find(|store| stores.contains(store)) {
            return Err(refuse(400, format!("Image is already present at store '{store}'")));
        }
    }
    let uri = &body["method"]["uri"];
    let all_must_succeed = body["all_stores_must_succeed"] != json!(false);
    if !all_must_succeed && state.options.stores.is_empty() {
        let uri = uri.as_str().unwrap_or("None");
        let text = format!("All_stores_must_succeed can only be set with enabled_backends {uri}");
        return Err(refuse(400, text));
    }
    if method == "web-download"
        && !uri.as_str().is_some_and(|uri| fetch::is_allowed(uri, &state.options.allowed_hosts))
    {
        let uri = uri.as_str().unwrap_or("None");
        return Err(refuse(400, format!("URI for web-download does not pass filtering: {uri}")));
    }
    let named = |store: &String| if store.is_empty() { Value::Null } else { json!(store) };
    let backend: Vec<Value> = stores.iter().map(named).collect();
    let input = json!({"image_id": id, "import_req": body, "backend": backend});
    let task = Task::new("api_image_import", &caller, &request, Some(&id), input);
    let name = task.id.clone();
    work::enter(&state, task)?;
    let import =
        Import { state, caller, task: name, image: id, source, stores, all_must_succeed, fault };
    tokio::spawn(import.run());
    Ok(StatusCode::ACCEPTED)
}

/// The name of the method.
fn check_body(body: &Value) -> Result<String, Refusal> {
    let body = body.as_object().ok_or_else(internal_error)?;
    let method = body
        .get("method")
        .ok_or_else(|| refuse(400, "Import request requires a 'method' field."))?;
    let method = method.as_object().ok_or_else(internal_error)?;
    let name =
        method.get("name").ok_or_else(|| refuse(400, "Import request requires a 'name' field."))?;
    let Some(name) = name.as_str().filter(|name| IMPORT_METHODS.contains(name)) else {
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        return Err(refuse(400, format!("Unknown import method name '{name}'.")));
    };
    for key in ["all_stores_must_succeed", "all_stores"] {
        if body.get(key).is_some_and(|value| !value.is_boolean()) {
            return Err(refuse(400, format!("'{key}' must be boolean value only")));
        }
    }
    Ok(name.to_owned())
}

fn check_status(image: &Image, method: &str) -> Result<(), Refusal> {
    let status = image.status();
    let refused = match method {
        "copy-image" if status != "active" => {
            Some("Only images with status active can be targeted for copying".to_owned())
        }
        "copy-image" => None,
        _ if status == "active" => {
            Some("Image with status active cannot be target for import".to_owned())
        }
        "glance-direct" if status != "uploading" => {
            Some("Image needs to be staged before 'glance-direct' method can be used".to_owned())
        }
        "web-download" | "glance-download" if status != "queued" => {
            Some(format!("Image needs to be in 'queued' state to use '{method}' method"))
        }
        _ => None,
    };
    let missing = ["container_format", "disk_format"]
        .into_iter()
        .find(|key| image.record[*key].is_null())
        .map(|key| format!("'{key}' needs to be set before import"));
    match refused.or(missing) {
        Some(text) => Err(refuse(409, text)),
        None => Ok(()),
    }
}

/// The source of the data. Defaults are added to the request, since the task shows them.
fn source(body: &mut Value, method: &str) -> Result<Source, Refusal> {
    let given = &mut body["method"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(match method {
        "glance-direct" => Source::Staged,
        "copy-image" => Source::Own,
        "web-download" => Source::Web(text(&given["uri"])),
        _ => {
            for key in ["glance_region", "glance_image_id"] {
                if given.get(key).is_none() {
                    let text = format!("'{key}' needs to be set for glance-download import method");
                    return Err(refuse(400, text));
                }
            }
            let image = text(&given["glance_image_id"]);
            if !is_uuid(&image) {
                let text = format!("Remote image id does not look like a UUID: {image}");
                return Err(refuse(400, text));
            }
            if given.get("glance_service_interface").is_none() {
                given["glance_service_interface"] = "public".into();
            }
            Source::Glance {
                region: text(&given["glance_region"]),
                image,
                interface: text(&given["glance_service_interface"]),
            }
        }
    })
}

/// The requested stores. Without multi-store it is one store without a name, whatever was requested.
fn stores(
    options: &SandboxOptions,
    body: &Value,
    headers: &HeaderMap,
) -> Result<Vec<String>, Refusal> {
    let Some(default) = options.default_store() else { return Ok(vec![String::new()]) };
    let header = headers.get("x-image-meta-store").and_then(|store| store.to_str().ok());
    let stores: Vec<String> = if body["all_stores"] == json!(true) {
        if body.get("stores").is_some() || header.is_some() {
            let text = "All_stores parameter can't be used with x-image-meta-store header or \
                        stores parameter";
            return Err(refuse(400, text));
        }
        // The writable stores.
        options.stores.clone()
    } else if let Some(stores) = body.get("stores") {
        if header.is_some() {
            let text = "Stores parameter and x-image-meta-store header can't be both specified";
            return Err(refuse(400, text));
        }
        let named = stores.as_array().ok_or_else(internal_error)?;
        named.iter().map(|store| store.as_str().unwrap_or_default().to_owned()).collect()
    } else {
        vec![header.unwrap_or(default).to_owned()]
    };
    let known = options.all_stores();
    match stores.iter().find(|store| !known.contains(&store.as_str())) {
        Some(store) => Err(refuse(409, format!("Store for identifier {store} not found"))),
        None => Ok(stores),
    }
}
