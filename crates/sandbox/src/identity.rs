//! As much of Keystone as logging in takes.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::state::{State, timestamp};

/// The only user.
pub const USER: &str = "demo";
/// The user's password.
pub const PASSWORD: &str = "secret";
/// The user's project.
pub const PROJECT: &str = "demo";
/// The id and the secret of the user's application credential.
pub const APPLICATION_CREDENTIAL: (&str, &str) = ("2f6a4f0a9c1b4b0f8d0d6b1f0a5e7c31", "app-secret");

/// The id of the project, which owns every image made with a token.
pub(crate) const PROJECT_ID: &str = "b9bd5e30605c4b1c837e5e29b527e31e";
const USER_ID: &str = "4a9ed8ca4f8241d9b83e8723f84d5812";

/// `GET /v3`: the version document.
pub(crate) async fn version(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(json!({"version": {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{}/v3/", state.url)}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    }}))
}

/// `POST /v3/auth/tokens`.
pub(crate) async fn login(Shared(state): Shared<Arc<State>>, Json(body): Json<Value>) -> Response {
    let identity = &body["auth"]["identity"];
    let method = identity["methods"][0].as_str().unwrap_or_default();
    let given = &identity[method];
    let good = match method {
        "password" => {
            let user = &given["user"];
            user["password"] == PASSWORD && (user["name"] == USER || user["id"] == USER_ID)
        }
        "application_credential" => {
            given["id"] == APPLICATION_CREDENTIAL.0 && given["secret"] == APPLICATION_CREDENTIAL.1
        }
        "token" => given["id"].as_str().is_some_and(|token| is_good(&state, token)),
        _ => false,
    };
    if !good {
        return unauthorized(&state);
    }
    let token = format!("gAAAA{}", uuid::Uuid::new_v4().simple());
    let lifetime = state.options.token_lifetime;
    state.lock().tokens.insert(token.clone(), Instant::now() + lifetime);
    let body = json!({"token": {
        "methods": [method],
        "user": {
            "domain": {"id": "default", "name": "Default"},
            "id": USER_ID,
            "name": USER,
            "password_expires_at": null,
        },
        "audit_ids": ["-0dtUVJMSHixa1ZuLs1svA"],
        "expires_at": micros(SystemTime::now() + lifetime),
        "issued_at": micros(SystemTime::now()),
        "project": {
            "domain": {"id": "default", "name": "Default"},
            "id": PROJECT_ID,
            "name": PROJECT,
        },
        "is_domain": false,
        "roles": [{"id": "6d0cd33c3f2a4d22a1bb8f9b6a0d1e75", "name": "member"}],
        "catalog": [
            service("image", "glance", &state.url),
            service("identity", "keystone", &format!("{}/v3/", state.url)),
        ],
    }});
    (StatusCode::CREATED, [("x-subject-token", token)], Json(body)).into_response()
}

/// Whether the request may be answered: it carries a good token, or none is needed.
pub(crate) fn is_allowed(state: &State, headers: &HeaderMap) -> bool {
    let token = headers.get("x-auth-token").and_then(|token| token.to_str().ok());
    !state.options.require_token || token.is_some_and(|token| is_good(state, token))
}

fn is_good(state: &State, token: &str) -> bool {
    state.lock().tokens.get(token).is_some_and(|end| *end > Instant::now())
}

fn unauthorized(state: &State) -> Response {
    let body = json!({"error": {
        "code": 401,
        "message": "The request you have made requires authentication.",
        "title": "Unauthorized",
    }});
    let challenge = format!("Keystone uri=\"{}/v3\"", state.url);
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], Json(body)).into_response()
}

fn service(kind: &str, name: &str, url: &str) -> Value {
    let endpoint = |interface: &str| {
        json!({
            "id": format!("{name}-{interface}"),
            "interface": interface,
            "region": "RegionOne",
            "region_id": "RegionOne",
            "url": url,
        })
    };
    let endpoints = ["public", "internal", "admin"].map(endpoint);
    json!({"id": name, "type": kind, "name": name, "endpoints": endpoints})
}

/// Keystone writes its times with microseconds.
fn micros(time: SystemTime) -> String {
    timestamp(time).replace('Z', ".000000Z")
}
