//! `/v2/images/{id}/locations`: registered data at another location.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use http::StatusCode;
use serde_json::{Value, json};

use super::body::json_body;
use super::json_schema;
use crate::fetch;
use crate::policy::Caller;
use crate::response::{Refusal, RequestId, forbid, refuse};
use crate::state::State;
use crate::task::Task;
use crate::work::{self, Location};

/// Supported hashes, and the length of their values in bytes.
const ALGORITHMS: [(&str, usize); 4] = [("sha1", 20), ("sha256", 32), ("sha512", 64), ("md5", 16)];

/// `POST`: accepted, and then processed by a task.
pub(super) async fn add(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Extension(request): Extension<RequestId>,
    Path(id): Path<String>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let body = json_body(body).await?;
    let (url, expected) = check_schema(&body)?;
    let image = state.image(&caller, &id)?;
    if image.status() != "queued" {
        let text =
            format!("It's not allowed to add locations if image status is {}.", image.status());
        return Err(refuse(409, text));
    }
    caller.require_owner(&image, "add_image_location")?;
    if state.options.http_store.is_none() || !url.starts_with("http") {
        let text = "http store must be enabled to use location API by normal user.";
        return Err(refuse(403, text));
    }
    if let Some((algo, value)) = &expected {
        check_value(algo, value)?;
    }
    if !fetch::is_allowed(&url, &state.options.allowed_hosts) {
        return Err(refuse(400, format!("URI for add location does not pass filtering: {url}")));
    }
    let input = json!({
        "image_id": id,
        "loc_url": url,
        "validation_data": body.get("validation_data").cloned().unwrap_or_else(|| json!({})),
    });
    let task = Task::new("location_import", &caller, &request, Some(&id), input);
    let name = task.id.clone();
    work::enter(&state, task)?;
    let location = Location { state, task: name, image: id, url, expected };
    tokio::spawn(location.run());
    Ok(StatusCode::ACCEPTED)
}

/// `GET`: for admins and services.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let image = state.image(&caller, &id)?;
    if !caller.is_admin() && !caller.is_service {
        return Err(forbid("fetch_image_location"));
    }
    let http_store = state.options.http_store.as_deref();
    let mut urls = image.urls.iter();
    let location = |store: String| {
        let url = match urls.next() {
            Some(url) if http_store == Some(store.as_str()) => url.clone(),
            _ => format!("file:///var/lib/glance/{store}/{id}"),
        };
        json!({"url": url, "metadata": {"store": store}})
    };
    Ok(Json(image.stores().into_iter().map(location).collect()))
}

type Expected = Option<(String, String)>;

fn check_schema(body: &Value) -> Result<(String, Expected), Refusal> {
    json_schema::check("add_location", &json!({"add_location": body}))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let data = &body["validation_data"];
    let expected = text(&data["os_hash_algo"]).zip(text(&data["os_hash_value"]));
    Ok((text(&body["url"]).unwrap_or_default(), expected))
}

fn check_value(algo: &str, value: &str) -> Result<(), Refusal> {
    let is_hex = value.len().is_multiple_of(2) && value.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        let text = format!("os_hash_value ({value}) is not a valid hexadecimal value");
        return Err(refuse(400, text));
    }
    let size = ALGORITHMS.iter().find(|(known, _)| *known == algo).map_or(0, |(_, size)| *size);
    if value.len() != 2 * size {
        let text = format!(
            "os_hash_value: ({value}) is not the correct size for ({algo}) (should be ({size}) bytes)"
        );
        return Err(refuse(400, text));
    }
    Ok(())
}
