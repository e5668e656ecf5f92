//! `POST /v3/auth/tokens`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::reply::{IdentityRefusal, base, expected, json_body, unauthorized};
use super::tokens;
use crate::directory::{Directory, Scope, Table, Token, text};
use crate::state::{Inner, State};

/// The user of a login, with the scope that its method implies.
struct Authenticated {
    user: String,
    scope: Option<Scope>,
    credential: Option<String>,
    /// The token of the method `token`.
    earlier: Option<Token>,
}

pub(super) async fn login(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, IdentityRefusal> {
    let body = json_body(body).await?;
    let auth = body.get("auth").ok_or_else(|| expected("auth", "request body"))?;
    let identity = auth.get("identity").ok_or_else(|| expected("identity", "auth"))?;
    let methods = identity["methods"].as_array().ok_or_else(|| expected("methods", "identity"))?;
    let methods: Vec<String> =
        methods.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let mut inner = state.lock();
    let mut found: Option<Authenticated> = None;
    for method in &methods {
        let given = identity.get(method).ok_or_else(|| expected(method, "identity"))?;
        let next = authenticated(&inner, method, given)?.ok_or_else(|| unauthorized(&state))?;
        if found.as_ref().is_some_and(|found| found.user != next.user) {
            return Err(unauthorized(&state));
        }
        found = Some(next);
    }
    let found = found.ok_or_else(|| unauthorized(&state))?;
    let asked = requested_scope(&inner.directory, &auth["scope"])?;
    let scope = match (&found.scope, asked) {
        // The scope of an application credential is fixed.
        (Some(_), Requested::Scope(_) | Requested::Unknown) => return Err(unauthorized(&state)),
        (Some(scope), _) => scope.clone(),
        (None, Requested::Scope(scope)) => scope,
        (None, Requested::Unknown) => return Err(unauthorized(&state)),
        (None, Requested::Nothing) => default_scope(&inner.directory, &found.user),
    };
    let mut methods = methods;
    if let Some(earlier) = &found.earlier {
        methods.extend(earlier.methods.iter().filter(|method| *method != "token").cloned());
    }
    let mut token = Token::new(found.user, scope, methods, state.options.token_lifetime);
    token.credential = found.credential;
    if let Some(earlier) = &found.earlier {
        token.end_with(earlier);
    }
    if !token.is_valid(&inner.directory) && !state.options.token_lifetime.is_zero() {
        return Err(unauthorized(&state));
    }
    let body = tokens::body(&inner.directory, &token, &state.url, &base(&state, &headers));
    let id = format!("gAAAA{}", uuid::Uuid::new_v4().simple());
    let inner = &mut *inner;
    // Expired tokens are of no more use.
    let directory = &inner.directory;
    if inner.tokens.len() >= MOST_TOKENS {
        inner.tokens.retain(|_, token| token.is_valid(directory));
    }
    inner.tokens.insert(id.clone(), token);
    Ok((StatusCode::CREATED, [("x-subject-token", id)], Json(body)).into_response())
}

/// The number of tokens from which on expired ones are removed.
const MOST_TOKENS: usize = 10_000;

/// The user that one method identifies.
fn authenticated(
    inner: &Inner,
    method: &str,
    given: &Value,
) -> Result<Option<Authenticated>, IdentityRefusal> {
    let directory = &inner.directory;
    let plain = |user: String| Authenticated { user, scope: None, credential: None, earlier: None };
    Ok(match method {
        "password" => {
            let password = &given["user"]["password"];
            let user = user_of(directory, &given["user"])?;
            user.filter(|user| directory.has_password(user, password)).map(plain)
        }
        "application_credential" => {
            let id = match given["id"].as_str() {
                Some(id) => Some(id.to_owned()),
                None => {
                    let user = user_of(directory, &given["user"])?;
                    let mut all = directory.credentials.iter();
                    let is_it = |name: &str| given["name"] == name;
                    let found = all.find(|(_, it)| {
                        user.as_ref() == Some(&it.user) && is_it(text(&it.resource, "name"))
                    });
                    found.map(|(id, _)| id.clone())
                }
            };
            let known = id.and_then(|id| directory.credentials.get_key_value(&id));
            known.filter(|(_, known)| given["secret"] == known.secret.as_str()).map(
                |(id, known)| Authenticated {
                    scope: Some(Scope::Project(known.project.clone())),
                    credential: Some(id.clone()),
                    ..plain(known.user.clone())
                },
            )
        }
        "token" => {
            let token = given["id"].as_str().and_then(|id| inner.tokens.get(id));
            let token = token.filter(|token| token.is_valid(directory));
            token.map(|token| Authenticated {
                earlier: Some(token.clone()),
                ..plain(token.user.clone())
            })
        }
        _ => None,
    })
}

/// The id of a user that is given by its id, or by its name and domain.
fn user_of(directory: &Directory, given: &Value) -> Result<Option<String>, IdentityRefusal> {
    let user = match (given["id"].as_str(), given["name"].as_str()) {
        (Some(id), _) => directory.get(Table::Users, id),
        (None, Some(name)) => {
            let domain =
                domain_of(directory, &given["domain"]).map_err(|()| expected("domain", "user"))?;
            directory.named(Table::Users, name, &domain)
        }
        (None, None) => return Err(expected("id or name", "user")),
    };
    Ok(user.map(|user| text(user, "id").to_owned()))
}

/// The id of a domain; empty if there is no such domain.
fn domain_of(directory: &Directory, given: &Value) -> Result<String, ()> {
    match (given["id"].as_str(), given["name"].as_str()) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(name)) => {
            let domain = directory.named(Table::Domains, name, "");
            Ok(domain.map_or(String::new(), |domain| text(domain, "id").to_owned()))
        }
        (None, None) => Err(()),
    }
}

/// The scope in a request.
enum Requested {
    Nothing,
    Scope(Scope),
    /// No project or domain of this name.
    Unknown,
}

fn requested_scope(directory: &Directory, given: &Value) -> Result<Requested, IdentityRefusal> {
    if given.is_null() {
        return Ok(Requested::Nothing);
    }
    if given == "unscoped" || given.get("unscoped").is_some() {
        return Ok(Requested::Scope(Scope::Unscoped));
    }
    if let Some(project) = given.get("project") {
        let found = match (project["id"].as_str(), project["name"].as_str()) {
            (Some(id), _) => directory.get(Table::Projects, id),
            (None, Some(name)) => {
                let domain = domain_of(directory, &project["domain"])
                    .map_err(|()| expected("domain", "project"))?;
                directory.named(Table::Projects, name, &domain)
            }
            (None, None) => return Err(expected("id or name", "project")),
        };
        let id = found.map(|project| text(project, "id").to_owned());
        return Ok(id.map_or(Requested::Unknown, |id| Requested::Scope(Scope::Project(id))));
    }
    if let Some(domain) = given.get("domain") {
        let id = domain_of(directory, domain).map_err(|()| expected("id or name", "domain"))?;
        return Ok(Requested::Scope(Scope::Domain(id)));
    }
    if given.get("system").is_some() {
        return Ok(Requested::Scope(Scope::System));
    }
    Err(expected("project, domain or system", "scope"))
}

/// The default project of the user, or no scope at all.
fn default_scope(directory: &Directory, user: &str) -> Scope {
    let project = directory.get(Table::Users, user).map_or("", |it| text(it, "default_project_id"));
    let scope = Scope::Project(project.to_owned());
    if directory.roles(user, &scope).is_empty() { Scope::Unscoped } else { scope }
}
