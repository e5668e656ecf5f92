//! `/v2/metadefs`: metadata definitions.

mod access;
mod namespaces;
mod parts;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::state::State;

/// The calls that read their body themselves, and those that refuse one.
pub(super) fn routes() -> (Router<Arc<State>>, Router<Arc<State>>) {
    const NAMESPACES: &str = "/v2/metadefs/namespaces";
    const NAMESPACE: &str = "/v2/metadefs/namespaces/{namespace}";
    const PARTS: &str = "/v2/metadefs/namespaces/{namespace}/{table}";
    const PART: &str = "/v2/metadefs/namespaces/{namespace}/{table}/{part}";
    let with_body = Router::new()
        .route(NAMESPACES, axum::routing::post(namespaces::create))
        .route(NAMESPACE, axum::routing::put(namespaces::update))
        .route(PARTS, axum::routing::post(parts::create))
        .route(PART, axum::routing::put(parts::update));
    let without_body = Router::new()
        .route("/v2/metadefs/resource_types", get(parts::types))
        .route(NAMESPACES, get(namespaces::list))
        .route(NAMESPACE, get(namespaces::show).delete(namespaces::delete))
        .route(PARTS, get(parts::list).delete(namespaces::clear))
        .route(PART, get(parts::show).post(parts::create_tag).delete(parts::delete));
    (with_body, without_body)
}
