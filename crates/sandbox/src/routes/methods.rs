//! The methods of the calls: `OPTIONS`, `HEAD` and the header `Allow`, as Glance has them.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Method, Request, StatusCode, header};
use tower::ServiceExt as _;

use super::wsgi_path;
use crate::response::{no_resource, refuse};

/// A method that no route has.
const NONE: Method = Method::TRACE;

/// Lets the router respond to a request.
///
/// The router itself would answer `HEAD` like `GET`, and Glance has no call with it. `OPTIONS` needs no token.
pub(crate) async fn respond(router: Router, mut request: Request<Body>) -> Response {
    let method = request.method().clone();
    if request.uri().path().starts_with("/v2/") {
        *request.uri_mut() = wsgi_path::as_read(request.uri());
    }
    let path = request.uri().path().to_owned();
    let is_versions = path.starts_with("/versions");
    if method == Method::OPTIONS && !is_versions {
        return StatusCode::OK.into_response();
    }
    let is_image_call = path.starts_with("/v2/");
    let allowed = allowed_in_namespace(&path);
    let is_unknown = allowed.is_some_and(|allowed| !allowed.split(", ").any(|it| it == method));
    if is_unknown || is_image_call && method == Method::HEAD {
        *request.method_mut() = NONE;
    }
    let response: Result<Response, Infallible> = router.oneshot(request).await;
    let Ok(response) = response;
    if !is_image_call || response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    if path == "/v2/info/usage" || path.starts_with("/v2/images/") && path.ends_with("/tasks") {
        return no_resource().into_response();
    }
    let allow = response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok());
    let allow = allowed.map_or_else(|| in_order(allow.unwrap_or_default()), str::to_owned);
    if allow.is_empty() {
        // A task refuses to be deleted, with a message of its own.
        return response;
    }
    let text = format!("The method {method} is not allowed for this resource. ");
    ([(header::ALLOW, allow)], refuse(405, text)).into_response()
}

/// The methods in the order in which Glance lists them.
fn in_order(allowed: &str) -> String {
    let has = |method: &&str| allowed.split(',').any(|it| it.trim() == *method);
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    known.into_iter().filter(has).collect::<Vec<_>>().join(", ")
}

/// The methods of the parts of a namespace, which share their routes.
fn allowed_in_namespace(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix("/v2/metadefs/namespaces/")?;
    let parts: Vec<&str> = rest.split('/').collect();
    Some(match parts.get(1..)? {
        ["objects" | "properties" | "tags"] => "GET, POST, DELETE",
        ["resource_types"] => "GET, POST",
        ["objects" | "properties", _] => "GET, PUT, DELETE",
        ["tags", _] => "GET, POST, PUT, DELETE",
        ["resource_types", _] => "DELETE",
        _ => return None,
    })
}
