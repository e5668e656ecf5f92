//! `GET /v2/schemas/…`: the schemas recorded from a Glance with default settings.

use axum::Json;
use axum::extract::Path;
use serde_json::Value;

use crate::response::{Refusal, internal_error, no_resource};

pub(super) async fn schema(Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    macro_rules! recorded {
        ($name:literal) => {
            include_str!(concat!("schemas/", $name, ".json"))
        };
    }
    let recorded = match name.as_str() {
        "image" => recorded!("image"),
        "images" => recorded!("images"),
        "member" => recorded!("member"),
        "members" => recorded!("members"),
        "task" => recorded!("task"),
        "tasks" => recorded!("tasks"),
        _ => return Err(no_resource()),
    };
    let mut sample: Value = serde_json::from_str(recorded).map_err(|_| internal_error())?;
    Ok(Json(sample["body"].take()))
}
