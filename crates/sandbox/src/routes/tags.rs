//! `/v2/images/{id}/tags/{tag}`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State as Shared};
use http::StatusCode;
use serde_json::{Value, json};

use super::validate::{check_schema, tags_exceeded};
use crate::policy::Caller;
use crate::response::{Refusal, image_not_found, no_resource, refuse};
use crate::state::State;

const MOST: usize = 128;

pub(super) async fn add(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    check_schema("tags", &json!([tag]))?;
    let image = state.image(&caller, &id).map_err(|_| image_not_found(&id))?;
    caller.require_owner(&image, "modify_image")?;
    state.change(&id, |image| {
        let mut tags = tags_of(&image.record["tags"]);
        if !tags.contains(&json!(tag)) {
            if tags.len() >= MOST {
                let why = tags_exceeded(tags.len() + 1);
                let text = format!("Image tag limit exceeded for image {id}: {why}:");
                return Err(refuse(413, text));
            }
            tags.push(tag.into());
        }
        image.set("tags", tags);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let image = state.image(&caller, &id).map_err(|_| image_not_found(&id))?;
    caller.require_owner(&image, "modify_image")?;
    state.change(&id, |image| {
        let mut tags = tags_of(&image.record["tags"]);
        let at = tags.iter().position(|known| *known == json!(tag)).ok_or_else(no_resource)?;
        tags.remove(at);
        image.set("tags", tags);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

fn tags_of(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
