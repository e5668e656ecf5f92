//! `GET /v2/schemas/…`: the schemas recorded from a Glance with default settings.

use axum::Json;
use axum::extract::Path;
use serde_json::Value;

use crate::response::{Refusal, internal_error, no_resource};

pub(super) async fn schema(Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    published(&name)
}

/// `GET /v2/schemas/metadefs/…`.
pub(super) async fn metadef(Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    published(&format!("metadef_{name}"))
}

fn published(name: &str) -> Result<Json<Value>, Refusal> {
    if UNPUBLISHED.contains(&name) {
        return Err(no_resource());
    }
    let mut sample: Value =
        serde_json::from_str(recorded_text(name)?).map_err(|_| internal_error())?;
    Ok(Json(sample["body"].take()))
}

/// Schemas that only validate requests.
const UNPUBLISHED: [&str; 2] = ["add_location", "metadef_tag_list"];

/// A schema by the name of its file, below `body`.
pub(super) fn recorded_text(name: &str) -> Result<&'static str, Refusal> {
    macro_rules! recorded {
        ($name:literal) => {
            include_str!(concat!("schemas/", $name, ".json"))
        };
    }
    Ok(match name {
        "image" => recorded!("image"),
        "images" => recorded!("images"),
        "member" => recorded!("member"),
        "members" => recorded!("members"),
        "task" => recorded!("task"),
        "tasks" => recorded!("tasks"),
        "metadef_namespace" => recorded!("metadef_namespace"),
        "metadef_namespaces" => recorded!("metadef_namespaces"),
        "metadef_object" => recorded!("metadef_object"),
        "metadef_objects" => recorded!("metadef_objects"),
        "metadef_property" => recorded!("metadef_property"),
        "metadef_properties" => recorded!("metadef_properties"),
        "metadef_tag" => recorded!("metadef_tag"),
        "metadef_tags" => recorded!("metadef_tags"),
        "metadef_resource_type" => recorded!("metadef_resource_type"),
        "metadef_resource_types" => recorded!("metadef_resource_types"),
        "add_location" => recorded!("add_location"),
        "metadef_tag_list" => recorded!("metadef_tag_list"),
        _ => return Err(no_resource()),
    })
}
