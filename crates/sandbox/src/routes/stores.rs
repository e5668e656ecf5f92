//! Stores: the list, and removing an image from one of them.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::{Extension, Json};
use http::StatusCode;
use serde::Serialize;

use crate::policy::Caller;
use crate::response::{Refusal, forbid, no_resource, refuse};
use crate::state::State;

/// `GET /v2/info/stores`.
pub(super) async fn list(Shared(state): Shared<Arc<State>>) -> Result<Json<Stores>, Refusal> {
    all(&state, false).map(Json)
}

/// `GET /v2/info/stores/detail`.
pub(super) async fn detail(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Stores>, Refusal> {
    caller.require_admin("stores_info_detail")?;
    all(&state, true).map(Json)
}

#[derive(Serialize)]
pub(super) struct Stores {
    stores: Vec<Store>,
}

/// A store, with Glance's order of the attributes.
#[derive(Serialize)]
struct Store {
    id: String,
    description: String,
    // Glance uses texts, not booleans.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'static str>,
    #[serde(rename = "read-only", skip_serializing_if = "Option::is_none")]
    read_only: Option<&'static str>,
    #[serde(flatten)]
    detail: Option<Detail>,
}

#[derive(Serialize)]
struct Detail {
    r#type: &'static str,
    properties: Properties,
    weight: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Properties {
    File { data_dir: String, chunk_size: u32, thin_provisioning: bool },
    Http {},
}

fn all(state: &State, is_detailed: bool) -> Result<Stores, Refusal> {
    let options = &state.options;
    let names = options.all_stores();
    if names.is_empty() {
        return Err(refuse(404, "Multi backend is not supported at this site."));
    }
    let store = |(number, name): (usize, &&str)| {
        let is_http = options.http_store.as_deref() == Some(*name);
        let description = match number {
            _ if is_http => "files on web servers, read only".to_owned(),
            0 => "default store".to_owned(),
            1 => "second store".to_owned(),
            _ => format!("store {}", number + 1),
        };
        let detail = || Detail {
            r#type: if is_http { "http" } else { "file" },
            properties: match is_http {
                true => Properties::Http {},
                false => Properties::File {
                    data_dir: format!("/var/lib/glance/{name}"),
                    chunk_size: 65536,
                    thin_provisioning: false,
                },
            },
            weight: 100 / (number + 1),
        };
        Store {
            id: (*name).to_owned(),
            description,
            default: (number == 0 && !is_http).then_some("true"),
            read_only: is_http.then_some("true"),
            detail: is_detailed.then(detail),
        }
    };
    Ok(Stores { stores: names.iter().enumerate().map(store).collect() })
}

/// `DELETE /v2/stores/{store}/{id}`.
pub(super) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path((store, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    if state.options.stores.is_empty() {
        return Err(no_resource());
    }
    if !state.options.all_stores().contains(&store.as_str()) {
        let text = format!("The selected store {store} is not available on this node.");
        return Err(refuse(409, text));
    }
    let gone = |_| refuse(404, format!("Failed to find image {id}"));
    let image = state.image(&caller, &id).map_err(gone)?;
    if !caller.is_admin() && !caller.owns(&image) {
        return Err(forbid("get_image_location"));
    }
    caller.require_admin("delete_image_location")?;
    state.change(&id, |image| {
        if image.status() != "active" {
            let text = "It's not allowed to remove image data from store if image status is not \
                        'active'";
            return Err(refuse(409, text));
        }
        let mut stores = image.stores();
        if stores.len() == 1 {
            let text = "Cannot delete image data from the only store containing it. Consider \
                        deleting the image instead.";
            return Err(refuse(403, text));
        }
        let Some(at) = stores.iter().position(|known| *known == store) else {
            return Err(refuse(404, format!("Image {id} is not stored in store {store}.")));
        };
        stores.remove(at);
        image.set_stores(&stores);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
