//! Domains, projects, users, roles, regions, services and endpoints: lists and changes.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::access::{SignedIn, sign_in};
use super::catalog::endpoints;
use super::reply::{
    IdentityRefusal, base, forbidden, json_body, linked, listed, not_found, refuse,
};
use crate::directory::{DOMAIN, Directory, Resource, Scope, Table, new_id, text};
use crate::state::State;

/// A collection of the API: its table, its name, and the name of one resource.
pub(super) struct Collection(pub(super) Table, pub(super) &'static str, pub(super) &'static str);

const COLLECTIONS: [Collection; 8] = [
    Collection(Table::Domains, "domains", "domain"),
    Collection(Table::Projects, "projects", "project"),
    Collection(Table::Users, "users", "user"),
    Collection(Table::Groups, "groups", "group"),
    Collection(Table::Roles, "roles", "role"),
    Collection(Table::Regions, "regions", "region"),
    Collection(Table::Services, "services", "service"),
    Collection(Table::Endpoints, "endpoints", "endpoint"),
];

pub(super) fn collection(name: &str) -> Result<&'static Collection, IdentityRefusal> {
    let found = COLLECTIONS.iter().find(|collection| collection.1 == name);
    found.ok_or_else(|| refuse(404, "The resource could not be found."))
}

/// Query parameters that are no filters.
const NO_FILTERS: [&str; 5] = ["limit", "marker", "sort_key", "sort_dir", "page"];

/// `GET`: filters compare the text of an attribute.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Path(table): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let Collection(table, plural, _) = collection(&table)?;
    let (caller, inner) = sign_in(&state, &headers)?;
    if *table != Table::Regions {
        caller.require_admin(&format!("list_{plural}"))?;
    }
    let url = base(&state, &headers);
    let fits = |resource: &Value| {
        query.iter().filter(|(key, _)| !NO_FILTERS.contains(&key.as_str())).all(|(key, wanted)| {
            match &resource[key] {
                Value::String(text) => text == wanted,
                Value::Bool(on) => on.to_string() == wanted.to_lowercase(),
                // A filter that this collection does not have.
                Value::Null => !matches!(key.as_str(), "name" | "domain_id"),
                other => &other.to_string() == wanted,
            }
        })
    };
    let all: Vec<Value> = match table {
        Table::Endpoints => endpoints(&inner.directory, &url),
        _ => inner.directory.all(*table).map(|it| linked(it, &url, plural)).collect(),
    };
    let found = all.into_iter().filter(fits).collect();
    Ok(Json(listed(plural, found, &url, plural)))
}

/// `GET …/{id}`: also for the caller's own user, project and domain.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Path((table, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let Collection(table, plural, one) = collection(&table)?;
    let (caller, inner) = sign_in(&state, &headers)?;
    if !caller.is_admin && !is_own(&inner.directory, &caller, *table, &id) {
        return Err(forbidden(&format!("get_{one}")));
    }
    let url = base(&state, &headers);
    if *table == Table::Endpoints {
        let all = endpoints(&inner.directory, &url);
        let found = all.into_iter().find(|endpoint| endpoint["id"] == id.as_str());
        return found.map(|it| Json(json!({"endpoint": it}))).ok_or_else(|| not_found(one, &id));
    }
    let found = inner.directory.get(*table, &id).ok_or_else(|| not_found(one, &id))?;
    Ok(Json(json!({*one: linked(found, &url, plural)})))
}

fn is_own(directory: &Directory, caller: &SignedIn, table: Table, id: &str) -> bool {
    let user = directory.get(Table::Users, &caller.token.user);
    match table {
        Table::Users => caller.token.user == id,
        Table::Projects => caller.token.scope == Scope::Project(id.to_owned()),
        Table::Domains => user.is_some_and(|user| text(user, "domain_id") == id),
        Table::Regions => true,
        _ => false,
    }
}

/// `POST`.
pub(super) async fn create(
    Shared(state): Shared<Arc<State>>,
    Path(table): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, IdentityRefusal> {
    let Collection(table, plural, one) = collection(&table)?;
    let mut body = json_body(body).await?;
    let (caller, mut inner) = sign_in(&state, &headers)?;
    caller.require_admin(&format!("create_{one}"))?;
    let Value::Object(given) = body[*one].take() else {
        return Err(refuse(400, format!("'{one}' is a required property")));
    };
    let resource = completed(&inner.directory, *table, one, given)?;
    let (mut resource, password) = without_password(resource);
    check_name(&inner.directory, *table, one, &resource)?;
    let id = text(&resource, "id").to_owned();
    if *table == Table::Users {
        resource.entry("password_expires_at").or_insert(Value::Null);
    }
    let shown = linked(&resource, &base(&state, &headers), plural);
    inner.directory.insert(*table, resource);
    if let Some(password) = password {
        inner.directory.set_password(&id, &password);
    }
    Ok((StatusCode::CREATED, Json(json!({*one: shown}))).into_response())
}

/// The given attributes with the defaults of the others.
fn completed(
    directory: &Directory,
    table: Table,
    one: &str,
    given: Resource,
) -> Result<Resource, IdentityRefusal> {
    let required = match table {
        Table::Regions => "",
        Table::Services => "type",
        Table::Endpoints => "service_id",
        _ => "name",
    };
    if !required.is_empty() && !given.get(required).is_some_and(Value::is_string) {
        return Err(refuse(
            400,
            format!("Invalid input for field/attribute {one}. '{required}' is a required property"),
        ));
    }
    let defaults = match table {
        Table::Domains => json!({
            "description": "", "enabled": true, "tags": [], "options": {},
        }),
        Table::Projects => json!({
            "description": "", "enabled": true, "domain_id": DOMAIN.1, "is_domain": false,
            "tags": [], "options": {}, "parent_id": given.get("domain_id").unwrap_or(&json!(DOMAIN.1)),
        }),
        Table::Users => json!({"enabled": true, "domain_id": DOMAIN.1, "options": {}}),
        Table::Groups => json!({"description": "", "domain_id": DOMAIN.1}),
        Table::Roles => json!({"domain_id": null, "description": null, "options": {}}),
        Table::Regions => json!({"description": "", "parent_region_id": null}),
        Table::Services => json!({"enabled": true, "name": ""}),
        Table::Endpoints => json!({
            "enabled": true, "region": given.get("region_id"), "region_id": given.get("region"),
        }),
    };
    let mut resource = Resource::new();
    resource.insert("id".into(), new_id().into());
    resource.extend(defaults.as_object().cloned().unwrap_or_default());
    // Only the id of a region is chosen by the caller; a domain may be given as null.
    resource.extend(given.into_iter().filter(|(key, value)| {
        (key != "id" || table == Table::Regions && value.is_string())
            && !(key == "domain_id" && value.is_null())
    }));
    if let Some(domain) = resource.get("domain_id").and_then(Value::as_str)
        && directory.get(Table::Domains, domain).is_none()
    {
        return Err(not_found("domain", domain));
    }
    Ok(resource)
}

fn without_password(mut resource: Resource) -> (Resource, Option<String>) {
    let password = resource.remove("password");
    resource.remove("original_password");
    (resource, password.and_then(|password| password.as_str().map(str::to_owned)))
}

fn check_name(
    directory: &Directory,
    table: Table,
    one: &str,
    resource: &Resource,
) -> Result<(), IdentityRefusal> {
    if matches!(table, Table::Services | Table::Endpoints | Table::Regions) {
        return Ok(());
    }
    let (id, name) = (text(resource, "id"), text(resource, "name"));
    let known = directory.named(table, name, text(resource, "domain_id"));
    match known.is_some_and(|known| text(known, "id") != id) {
        true => Err(refuse(
            409,
            format!(
                "Conflict occurred attempting to store {one} - it is not permitted to have two {one}s \
                 with either the same name or same id in the same domain: name is {name}, {one} id {id}."
            ),
        )),
        false => Ok(()),
    }
}

/// `PATCH …/{id}`.
pub(super) async fn update(
    Shared(state): Shared<Arc<State>>,
    Path((table, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, IdentityRefusal> {
    let Collection(table, plural, one) = collection(&table)?;
    let mut body = json_body(body).await?;
    let (caller, mut inner) = sign_in(&state, &headers)?;
    caller.require_admin(&format!("update_{one}"))?;
    let Value::Object(given) = body[*one].take() else {
        return Err(refuse(400, format!("'{one}' is a required property")));
    };
    let (given, password) = without_password(given);
    let mut changed = inner.directory.get(*table, &id).ok_or_else(|| not_found(one, &id))?.clone();
    changed.extend(given.into_iter().filter(|(key, _)| key != "id"));
    check_name(&inner.directory, *table, one, &changed)?;
    let shown = linked(&changed, &base(&state, &headers), plural);
    if let Some(known) = inner.directory.get_mut(*table, &id) {
        *known = changed;
    }
    if let Some(password) = password {
        inner.directory.set_password(&id, &password);
        inner.tokens.retain(|_, token| token.user != id);
    }
    Ok(Json(json!({*one: shown})))
}

/// `DELETE …/{id}`.
pub(super) async fn delete(
    Shared(state): Shared<Arc<State>>,
    Path((table, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    let Collection(table, _, one) = collection(&table)?;
    let (caller, mut inner) = sign_in(&state, &headers)?;
    caller.require_admin(&format!("delete_{one}"))?;
    let known = inner.directory.get(*table, &id).ok_or_else(|| not_found(one, &id))?;
    if *table == Table::Domains && known.get("enabled") == Some(&json!(true)) {
        return Err(refuse(
            403,
            "Cannot delete a domain that is enabled, please disable it first.",
        ));
    }
    inner.directory.remove(*table, &id);
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v3/users/{user}/password`: without a token, by the old password.
pub(super) async fn change_password(
    Shared(state): Shared<Arc<State>>,
    Path(user): Path<String>,
    body: Body,
) -> Result<StatusCode, IdentityRefusal> {
    let body = json_body(body).await?;
    let given = &body["user"];
    let mut inner = state.lock();
    if !inner.directory.has_password(&user, &given["original_password"]) {
        return Err(super::reply::unauthorized(&state));
    }
    let Some(password) = given["password"].as_str() else {
        return Err(refuse(400, "'password' is a required property"));
    };
    inner.directory.set_password(&user, password);
    inner.tokens.retain(|_, token| token.user != user);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v3/users/{user}/groups`: groups have no members here.
pub(super) async fn groups_of_user(
    Shared(state): Shared<Arc<State>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, _inner) = sign_in(&state, &headers)?;
    caller.require_self(&user, "list_groups_for_user")?;
    let path = format!("users/{user}/groups");
    Ok(Json(listed("groups", Vec::new(), &base(&state, &headers), &path)))
}
