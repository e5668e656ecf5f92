//! The calls of the Image API.

mod actions;
mod body;
mod cache;
mod data;
mod download;
mod images;
mod import;
mod info;
mod json_schema;
mod list;
mod locations;
mod members;
mod metadefs;
mod methods;
mod patch;
mod python;
mod query;
mod schemas;
mod stores;
mod tags;
mod tasks;
mod validate;
mod wsgi_path;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use http::{StatusCode, header};

use crate::identity;
use crate::response::{no_resource, refuse};
use crate::state::State;

pub(crate) use methods::respond;

/// Creates the router with all calls of the service.
pub(crate) fn router(state: Arc<State>) -> Router {
    // Calls that read their body themselves, and calls that ignore it.
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
        .route("/v2/schemas/metadefs/{name}", get(schemas::metadef))
        .route_layer(from_fn(refuse_body));
    let (metadefs_with_body, metadefs) = metadefs::routes();
    let open = Router::new()
        .route("/versions", any(info::versions))
        .route("/versions/", any(info::versions))
        .route("/versions/{*rest}", any(info::versions))
        .route("/healthcheck", any(info::healthcheck))
        .merge(identity::routes());
    with_body
        .merge(metadefs_with_body)
        .merge(without_body)
        .merge(metadefs.route_layer(from_fn(refuse_body)))
        .route("/v2", any(info::redirect))
        .route("/v2.0", any(info::redirect))
        .fallback(fallback)
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        .layer(from_fn_with_state(Arc::clone(&state), authorize))
        .merge(open)
        .with_state(state)
}

/// A path of no call: below `/v2` there is nothing, elsewhere the list of versions.
async fn fallback(state: Shared<Arc<State>>, request: Request) -> Response {
    match request.uri().path().starts_with("/v2") {
        true => no_resource().into_response(),
        false => info::choices(state).await,
    }
}

/// Whether a path has versions only, which need no token.
fn is_open(path: &str) -> bool {
    !path.starts_with("/v2")
}

/// The token middleware. It responds before the body is read.
async fn authorize(
    Shared(state): Shared<Arc<State>>,
    mut request: Request,
    next: Next,
) -> Response {
    if is_open(request.uri().path()) {
        return next.run(request).await;
    }
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

/// Refuses a body where none is expected, even an empty chunked one, as Glance does.
async fn refuse_body(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|length| length != "0");
    if has_body {
        return refuse(400, "A body is not expected with this request.").into_response();
    }
    next.run(request).await
}
