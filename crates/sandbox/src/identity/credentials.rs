//! `/v3/users/{user}/application_credentials`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::access::sign_in;
use super::reply::{
    IdentityRefusal, base, forbidden, json_body, linked, listed, not_found, refuse,
};
use crate::directory::{Scope, new_id, text};
use crate::state::State;

const ONE: &str = "application credential";

fn collection(user: &str) -> String {
    format!("users/{user}/application_credentials")
}

/// `GET`.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Path(user): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    caller.require_self(&user, "list_application_credentials")?;
    let (url, path) = (base(&state, &headers), collection(&user));
    let name = query.iter().find(|(key, _)| key == "name").map(|(_, name)| &**name);
    let own = inner.directory.credentials.values().filter(|it| it.user == user);
    let found = own
        .filter(|it| name.is_none_or(|name| text(&it.resource, "name") == name))
        .map(|it| linked(&it.resource, &url, &path))
        .collect();
    Ok(Json(listed("application_credentials", found, &url, &path)))
}

/// `POST`: for the project of the token. Only this response shows the secret.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Path(user): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, IdentityRefusal> {
    let body = json_body(body).await?;
    let given = &body["application_credential"];
    let (caller, mut inner) = sign_in(&state, &headers)?;
    if caller.token.user != user || caller.token.credential.is_some() {
        return Err(forbidden("create_application_credential"));
    }
    let Some(name) = given["name"].as_str() else {
        return Err(refuse(400, "'name' is a required property"));
    };
    let Scope::Project(project) = &caller.token.scope else {
        return Err(refuse(
            400,
            "A project-scoped token is required to create an application credential.",
        ));
    };
    let directory = &mut inner.directory;
    let mut known = directory.credentials.values();
    if known.any(|it| it.user == user && text(&it.resource, "name") == name) {
        let text = format!(
            "Conflict occurred attempting to store application_credential - Duplicate entry found \
             with name {name}."
        );
        return Err(refuse(409, text));
    }
    let own: Vec<(String, String)> = caller
        .token
        .roles(directory)
        .iter()
        .map(|role| (text(role, "id").to_owned(), text(role, "name").to_owned()))
        .collect();
    let roles = match given["roles"].as_array().filter(|roles| !roles.is_empty()) {
        None => own.into_iter().map(|(id, _)| id).collect(),
        Some(wanted) => {
            let mut ids = Vec::new();
            for role in wanted {
                let found = own
                    .iter()
                    .find(|(id, name)| role["id"] == id.as_str() || role["name"] == name.as_str());
                let missing = || {
                    refuse(400, "Invalid application credential: Could not find role assignment.")
                };
                ids.push(found.ok_or_else(missing)?.0.clone());
            }
            ids
        }
    };
    let secret = given["secret"].as_str().map_or_else(new_id, str::to_owned);
    let id = new_id();
    let credential = directory.add_credential(&id, name, &secret, (&user, project), roles);
    for key in ["description", "expires_at", "unrestricted"] {
        if let Some(value) = given.get(key) {
            credential.resource.insert(key.to_owned(), value.clone());
        }
    }
    let mut shown = linked(&credential.resource, &base(&state, &headers), &collection(&user));
    shown["secret"] = secret.into();
    Ok((StatusCode::CREATED, Json(json!({"application_credential": shown}))).into_response())
}

/// `GET …/{id}`.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    caller.require_self(&user, "get_application_credential")?;
    let known = inner.directory.credentials.get(&id).filter(|it| it.user == user);
    let known = known.ok_or_else(|| not_found(ONE, &id))?;
    let shown = linked(&known.resource, &base(&state, &headers), &collection(&user));
    Ok(Json(json!({"application_credential": shown})))
}

/// `DELETE …/{id}`.
pub(super) async fn delete(
    Shared(state): Shared<Arc<State>>,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    let (caller, mut inner) = sign_in(&state, &headers)?;
    caller.require_self(&user, "delete_application_credential")?;
    let credentials = &mut inner.directory.credentials;
    if credentials.get(&id).is_none_or(|it| it.user != user) {
        return Err(not_found(ONE, &id));
    }
    credentials.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}
