//! The calls.

mod data;
mod images;
mod info;
mod list;
mod patch;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use http::{StatusCode, header};

use crate::answer::{Refusal, refuse};
use crate::identity;
use crate::state::State;

/// All calls of the service.
pub(crate) fn router(state: Arc<State>) -> Router {
    let image = get(images::show).patch(patch::patch).delete(images::delete);
    let images = Router::new()
        .route("/v2/images", get(list::list).post(images::create))
        .route("/v2/images/{id}", image)
        .route("/v2/images/{id}/file", get(data::download).put(data::upload))
        .route("/v2/images/{id}/stage", put(data::stage))
        .route("/v2/images/{id}/import", post(data::import))
        .route("/v2/images/{id}/actions/{action}", post(images::act))
        .route("/v2/images/{id}/tags/{tag}", put(images::tag).delete(images::untag))
        .route("/v2/stores/{store}/{id}", delete(images::no_stores))
        .route("/v2/info/usage", get(info::usage))
        .route("/v2/info/import", get(info::import))
        .route("/v2/info/stores", get(images::no_stores))
        .route("/v2/schemas/image", get(info::schema))
        .route_layer(from_fn_with_state(Arc::clone(&state), authorize));
    Router::new()
        .merge(images)
        .route("/", get(info::choices))
        .route("/versions", get(info::versions))
        .route("/healthcheck", get(|| async { "OK" }))
        .route("/v3", get(identity::version))
        .route("/v3/", get(identity::version))
        .route("/v3/auth/tokens", post(identity::login))
        .fallback(|| async { refuse(404, "The resource could not be found.") })
        .with_state(state)
}

/// The token middleware: it answers before anything is read.
async fn authorize(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    if identity::is_allowed(&state, request.headers()) {
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

/// The server puts the refusal into the form that was asked for.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}
