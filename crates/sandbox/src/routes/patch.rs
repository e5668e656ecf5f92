//! `PATCH /v2/images/{id}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderName, header};
use serde_json::{Value, json};

use super::body::json_body;
use super::images::shown;
use super::validate::{
    BASE, READ_ONLY, check_limits, check_schema, check_value, is_reserved, read_only,
    without_duplicates,
};
use crate::image::Image;
use crate::policy::Caller;
use crate::response::{Refusal, forbid, refuse, refuse_since, unsupported};
use crate::state::State;

const MEDIA_TYPES: &str =
    "application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch";

const OPERATIONS: [&str; 3] = ["add", "remove", "replace"];

/// One parsed change.
struct Change {
    operation: &'static str,
    key: String,
    value: Value,
}

pub(super) async fn patch(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("None");
    if !MEDIA_TYPES.split(", ").any(|known| known == media_type) {
        let reason = format!("Image PATCH expects Content-Type one of: {MEDIA_TYPES}");
        let refusal = unsupported(media_type, &reason);
        let accepted = [(HeaderName::from_static("accept-patch"), MEDIA_TYPES)];
        return Ok((accepted, refusal).into_response());
    }
    let Value::Array(operations) = json_body(body).await? else {
        return Err(refuse(400, "Request body must be a JSON array of operation objects."));
    };
    let is_old = media_type.contains("v2.0");
    let changes: Vec<Change> =
        operations.iter().map(|operation| parse(operation, is_old)).collect::<Result<_, _>>()?;
    let image = state.image(&caller, &id)?;
    if changes.is_empty() {
        return Ok(Json(shown(&caller, &image)).into_response());
    }
    let changed = state.change(&id, |image| {
        changes.iter().try_for_each(|change| apply(image, &caller, change))?;
        check_limits(&image.record)
    })?;
    // The owner changed `owner` with `add`, which Glance does not forbid, and cannot see the result.
    if !caller.sees(&changed) {
        return Err(refuse(403, format!("Forbidding request, image {id} not visible")));
    }
    Ok(Json(shown(&caller, &changed)).into_response())
}

/// Parses an operation, and refuses operations that are invalid for every image.
fn parse(operation: &Value, is_old: bool) -> Result<Change, Refusal> {
    let Some(object) = operation.as_object() else {
        return Err(refuse(400, "Operations must be JSON objects."));
    };
    let available = OPERATIONS.join(", ");
    let (operation, path) = if is_old {
        let named = OPERATIONS.iter().find(|name| object.contains_key(**name));
        let named = named.ok_or_else(|| {
            refuse(
                400,
                "Operation objects must contain exactly one member named \"add\", \"remove\", or \
                 \"replace\".",
            )
        })?;
        (*named, object.get(*named))
    } else {
        let Some(wanted) = object.get("op") else {
            let text = format!(
                "Unable to find `op` in JSON Schema change. It must be one of the following: \
                 {available}."
            );
            return Err(refuse(400, text));
        };
        let Some(known) = OPERATIONS.iter().find(|name| wanted == **name) else {
            let wanted = wanted.as_str().unwrap_or_default();
            let text = format!(
                "Invalid operation: `{wanted}`. It must be one of the following: {available}."
            );
            return Err(refuse(400, text));
        };
        (*known, object.get("path"))
    };
    let path = path.and_then(Value::as_str);
    let path = path.ok_or_else(|| refuse(400, "Unable to find 'path' in JSON Schema change"))?;
    let parts = pointer(path)?;
    let depth = match (parts[0].as_str(), operation) {
        ("locations", "add" | "remove") => 2,
        _ => 1,
    };
    if parts.len() != depth {
        let path = parts.join("/");
        return Err(refuse(400, format!("Invalid JSON pointer for this resource: '/{path}'")));
    }
    let value = match object.get("value") {
        Some(value) => value.clone(),
        None if operation == "remove" => Value::Null,
        None => {
            let text = format!("Operation \"{operation}\" requires a member named \"value\".");
            return Err(refuse(400, text));
        }
    };
    let key = parts[0].clone();
    if READ_ONLY.contains(&key.as_str()) || key == "id" {
        return Err(read_only(&key));
    }
    if is_reserved(&key) {
        return Err(refuse(403, format!("Attribute '{key}' is reserved.")));
    }
    if operation != "remove" && depth == 1 {
        check_schema(&key, &value)?;
    }
    Ok(Change { operation, key, value })
}

/// The parts of a JSON pointer, in the subset that Glance accepts.
fn pointer(path: &str) -> Result<Vec<String>, Refusal> {
    let bad = |what: &str| Err(refuse(400, format!("Pointer `{path}` {what}")));
    let Some(inner) = path.strip_prefix('/') else { return bad("does not start with \"/\".") };
    let parts: Vec<&str> = inner.split('/').collect();
    let (last, others) = parts.split_last().unwrap_or((&"", &[]));
    if others.iter().skip(1).any(|part| part.trim().is_empty()) {
        return bad("contains adjacent \"/\".");
    }
    if !others.is_empty() && last.is_empty() {
        return bad("end with \"/\".");
    }
    let escapes = path.split('~').skip(1);
    if escapes.into_iter().any(|rest| !rest.starts_with(['0', '1'])) {
        return bad("contains \"~\" not part of a recognized escape sequence.");
    }
    let decode = |part: &&str| part.replace("~1", "/").replace("~0", "~").trim().to_owned();
    Ok(parts.iter().map(decode).collect())
}

fn apply(image: &mut Image, caller: &Caller, change: &Change) -> Result<(), Refusal> {
    let Change { operation, key, value } = change;
    if key == "locations" {
        return Err(refuse_locations(caller, operation, value));
    }
    if key == "owner" && *operation == "replace" && !caller.is_admin() {
        return Err(refuse_since(403, "Owner can't be updated by non admin."));
    }
    if key == "visibility" && value == "public" && !caller.is_admin() {
        return Err(forbid("publicize_image"));
    }
    if key == "visibility" && value == "community" {
        caller.require_owner(image, "communitize_image")?;
    }
    caller.require_owner(image, "modify_image")?;
    let is_base = BASE.contains(&key.as_str());
    if *operation == "remove" && is_base {
        return Err(refuse_since(403, format!("Property {key} may not be removed.")));
    }
    if *operation != "add" && !image.record.contains_key(key) {
        return Err(refuse_since(409, format!("Property {key} does not exist.")));
    }
    if *operation == "remove" {
        image.record.remove(key);
        return Ok(());
    }
    let is_format = matches!(key.as_str(), "disk_format" | "container_format");
    if is_format && image.status() != "queued" {
        let text = format!("Attribute {key} can be only replaced for a queued image.");
        return Err(refuse(403, text));
    }
    check_value(key, value)?;
    match key.as_str() {
        "tags" => image.set(key, without_duplicates(value)),
        // The actual stores hide a property of this name.
        "stores" if !image.stores().is_empty() && image.status() != "queued" => {}
        _ => image.set(key, value.clone()),
    }
    Ok(())
}

/// Locations are not shown, so they cannot be changed this way.
fn refuse_locations(caller: &Caller, operation: &str, value: &Value) -> Refusal {
    let invisible = |verb: &str| {
        refuse(403, format!("It's not allowed to {verb} locations if locations are invisible."))
    };
    match operation {
        "replace" if value == &json!([]) || value.is_null() => {
            refuse_since(403, "Cannot set locations to empty list.")
        }
        "replace" => invisible("update"),
        "remove" if !caller.is_admin() => forbid("delete_image_location"),
        "remove" => invisible("remove"),
        _ => invisible("add"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_parsed_as_in_glance() {
        let parts = |path| pointer(path).ok();
        assert_eq!(parts("/a~1b~0c"), Some(vec!["a/b~c".to_owned()]));
        assert_eq!(parts("/tags/0"), Some(vec!["tags".to_owned(), "0".to_owned()]));
        assert_eq!(parts("/ sp "), Some(vec!["sp".to_owned()]));
        assert_eq!(parts("/"), Some(vec![String::new()]));
        for path in ["x", "/a//b", "/a/", "/a~b", "/a~"] {
            assert!(parts(path).is_none(), "{path}");
        }
    }
}
