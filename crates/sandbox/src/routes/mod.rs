//! The calls.

mod actions;
mod cache;
mod data;
mod download;
mod images;
mod import;
mod info;
mod list;
mod locations;
mod members;
mod patch;
mod query;
mod schemas;
mod stores;
mod tags;
mod tasks;
mod validate;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use bytes::Bytes;
use http::{Method, header};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::identity;
use crate::response::{Refusal, no_resource, refuse};
use crate::state::State;

/// All calls of the service.
pub(crate) fn router(state: Arc<State>) -> Router {
    // Calls that look at their body, or at none at all.
    let with_body = Router::new()
        .route("/v2/images", get(list::list).post(images::create))
        .route("/v2/images/{id}", axum::routing::patch(patch::patch))
        .route("/v2/images/{id}/file", put(data::upload))
        .route("/v2/images/{id}/stage", put(data::stage))
        .route("/v2/images/{id}/import", post(import::import))
        .route("/v2/images/{id}/locations", post(locations::add))
        .route("/v2/images/{id}/members", post(members::add))
        .route("/v2/images/{id}/members/{member}", put(members::update))
        .route("/v2/tasks", get(tasks::list).post(tasks::create));
    let without_body = Router::new()
        .route("/v2/images/{id}", get(images::show).delete(images::delete))
        .route("/v2/images/{id}/file", get(download::download))
        .route("/v2/images/{id}/tasks", get(tasks::of_image))
        .route("/v2/images/{id}/locations", get(locations::list))
        .route("/v2/images/{id}/members", get(members::list))
        .route("/v2/images/{id}/members/{member}", get(members::show).delete(members::remove))
        .route("/v2/images/{id}/actions/deactivate", post(actions::deactivate))
        .route("/v2/images/{id}/actions/reactivate", post(actions::reactivate))
        .route("/v2/images/{id}/tags/{tag}", put(tags::add).delete(tags::remove))
        .route("/v2/stores/{store}/{id}", delete(stores::remove))
        .route("/v2/info/usage", get(info::usage))
        .route("/v2/info/import", get(info::import))
        .route("/v2/info/stores", get(stores::list))
        .route("/v2/info/stores/detail", get(stores::detail))
        .route("/v2/tasks/{id}", get(tasks::show).delete(tasks::delete))
        .route("/v2/cache", get(cache::list).delete(cache::clear))
        .route("/v2/cache/clean", post(cache::clean))
        .route("/v2/cache/prune", post(cache::prune))
        .route("/v2/cache/{id}", put(cache::put).delete(cache::delete))
        .route("/v2/cache/nodes/{id}", get(cache::nodes))
        .route("/v2/schemas/{name}", get(schemas::schema))
        .route_layer(from_fn(refuse_body));
    let open = Router::new()
        .route("/", get(info::choices))
        .route("/versions", get(info::versions))
        .route("/healthcheck", get(|| async { "OK" }))
        .route("/v3", get(identity::version))
        .route("/v3/", get(identity::version))
        .route("/v3/auth/tokens", post(identity::login));
    with_body
        .merge(without_body)
        .fallback(|| async { no_resource() })
        .method_not_allowed_fallback(|method: Method| async move {
            refuse(405, format!("The method {method} is not allowed for this resource. "))
        })
        .layer(from_fn_with_state(Arc::clone(&state), authorize))
        .merge(open)
        .with_state(state)
}

/// The token middleware: it answers before anything is read.
async fn authorize(
    Shared(state): Shared<Arc<State>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(caller) = identity::authenticate(&state, request.headers()) {
        request.extensions_mut().insert(caller);
        return next.run(request).await;
    }
    let mut response = refuse(
        401,
        "This server could not verify that you are authorized to access the document you \
         requested. Either you supplied the wrong credentials (e.g., bad password), or your browser \
         does not understand how to supply the credentials required.",
    )
    .into_response();
    if let Ok(challenge) = format!("Keystone uri=\"{}/v3\"", state.url).parse() {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Glance refuses a body where it expects none, even an empty chunked one.
async fn refuse_body(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|length| length != "0");
    if has_body {
        return refuse(400, "A body is not expected with this request.").into_response();
    }
    if request.method() == Method::HEAD {
        return refuse(405, "The method HEAD is not allowed for this resource. ").into_response();
    }
    next.run(request).await
}

/// The body of a call that needs one. It is read here and not by an extractor, so that a call can be
/// refused first.
async fn json_body(body: Body) -> Result<Value, Refusal> {
    let bytes: Bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Err(refuse(500, format!("The body cannot be read: {error}"))),
    };
    if bytes.is_empty() {
        return Err(refuse(400, "Body expected in request."));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        Ok(_) => Err(refuse(400, "Unexpected body type. Expected list/dict.")),
        Err(_) => Err(refuse(400, "Malformed JSON in request body.")),
    }
}

/// Glance stumbles over some bodies.
fn stumble() -> Refusal {
    refuse(
        500,
        "The server has either erred or is incapable of performing the requested operation.",
    )
}
