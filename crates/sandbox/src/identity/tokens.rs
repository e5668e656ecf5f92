//! `/v3/auth/tokens`: showing and revoking a token.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::access::sign_in;
use super::catalog::services;
use super::reply::{IdentityRefusal, base, forbidden, refuse};
use crate::clock;
use crate::directory::{Directory, Scope, Table, Token, text};
use crate::state::State;

fn subject(headers: &HeaderMap) -> Result<&str, IdentityRefusal> {
    let subject = headers.get("x-subject-token").and_then(|token| token.to_str().ok());
    subject.ok_or_else(|| refuse(404, "No token in the request"))
}

fn unknown() -> IdentityRefusal {
    refuse(404, "Could not recognize Fernet token")
}

/// `GET`, and `HEAD` with the same status.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> Result<Response, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    let subject = subject(&headers)?;
    let token = inner.tokens.get(subject).filter(|token| token.is_valid(&inner.directory));
    let token = token.ok_or_else(unknown)?;
    if !caller.is_admin && caller.token.user != token.user {
        return Err(forbidden("validate_token"));
    }
    let body = body(&inner.directory, token, &state.url, &base(&state, &headers));
    Ok(([("x-subject-token", subject)], Json(body)).into_response())
}

/// `DELETE`.
pub(super) async fn revoke(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    let (caller, mut inner) = sign_in(&state, &headers)?;
    let subject = subject(&headers)?;
    let token = inner.tokens.get(subject).ok_or_else(unknown)?;
    if !caller.is_admin && caller.token.user != token.user {
        return Err(forbidden("revoke_token"));
    }
    inner.tokens.remove(subject);
    Ok(StatusCode::NO_CONTENT)
}

/// The body that describes a token.
pub(super) fn body(directory: &Directory, token: &Token, listening: &str, url: &str) -> Value {
    let named = |table, id: &str| {
        let name = directory.get(table, id).map(|it| text(it, "name"));
        json!({"id": id, "name": name})
    };
    let in_domain = |table, id: &str| {
        let mut shown = named(table, id);
        let domain = directory.get(table, id).map_or("", |it| text(it, "domain_id"));
        shown["domain"] = named(Table::Domains, domain);
        shown
    };
    let mut user = in_domain(Table::Users, &token.user);
    user["password_expires_at"] = Value::Null;
    let mut shown = json!({
        "methods": token.methods,
        "user": user,
        "audit_ids": [token.audit],
        "expires_at": micros(token.expires),
        "issued_at": micros(token.issued),
    });
    match &token.scope {
        Scope::Unscoped => return json!({"token": shown}),
        Scope::Project(id) => {
            shown["project"] = in_domain(Table::Projects, id);
            shown["is_domain"] = false.into();
        }
        Scope::Domain(id) => shown["domain"] = named(Table::Domains, id),
        Scope::System => shown["system"] = json!({"all": true}),
    }
    let roles = token.roles(directory);
    shown["roles"] = roles.iter().map(|it| json!({"id": it["id"], "name": it["name"]})).collect();
    if let Some(id) = &token.credential {
        shown["application_credential"] = named_credential(directory, id);
    }
    shown["catalog"] = services(directory, listening, url).into();
    json!({"token": shown})
}

fn named_credential(directory: &Directory, id: &str) -> Value {
    let name = directory.credentials.get(id).map(|it| text(&it.resource, "name"));
    json!({"id": id, "name": name, "restricted": true})
}

/// Keystone writes times with microseconds, which are always zero.
fn micros(time: u64) -> String {
    clock::seconds_text(time).replace('Z', ".000000Z")
}
