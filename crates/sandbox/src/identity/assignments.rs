//! Roles of users on projects, domains and the system.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::access::sign_in;
use super::reply::{IdentityRefusal, base, linked, listed, not_found, refuse};
use crate::directory::{Assignment, Directory, Scope, Table, text};
use crate::state::State;

/// The target, the user and the role in a path.
type Named = (String, String, String, String);

fn scope(directory: &Directory, table: &str, target: &str) -> Result<Scope, IdentityRefusal> {
    let (scope, table, one) = match table {
        "projects" => (Scope::Project(target.to_owned()), Table::Projects, "project"),
        "domains" => (Scope::Domain(target.to_owned()), Table::Domains, "domain"),
        "system" => return Ok(Scope::System),
        _ => return Err(refuse(404, "The resource could not be found.")),
    };
    match directory.get(table, target) {
        Some(_) => Ok(scope),
        None => Err(not_found(one, target)),
    }
}

enum GrantChange {
    Add,
    Check,
    Remove,
}

fn change(
    state: &State,
    headers: &HeaderMap,
    (table, target, user, role): &Named,
    change: &GrantChange,
) -> Result<StatusCode, IdentityRefusal> {
    let (caller, mut inner) = sign_in(state, headers)?;
    let action = match change {
        GrantChange::Add => "create_grant",
        GrantChange::Check => "check_grant",
        GrantChange::Remove => "revoke_grant",
    };
    caller.require_admin(action)?;
    let directory = &mut inner.directory;
    let scope = scope(directory, table, target)?;
    for (table, id, one) in [(Table::Users, user, "user"), (Table::Roles, role, "role")] {
        directory.get(table, id).ok_or_else(|| not_found(one, id))?;
    }
    let wanted = Assignment { user: user.clone(), scope, role: role.clone() };
    let missing = || {
        refuse(
            404,
            format!(
                "Could not find role assignment with role: {role}, user or group: {user}, project, domain, or system: {target}."
            ),
        )
    };
    let is_there = match change {
        GrantChange::Add => {
            directory.assignments.insert(wanted);
            true
        }
        GrantChange::Check => directory.assignments.contains(&wanted),
        GrantChange::Remove => directory.assignments.remove(&wanted),
    };
    if is_there { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}

/// `PUT /v3/{projects,domains}/{id}/users/{user}/roles/{role}`.
pub(super) async fn add(
    Shared(state): Shared<Arc<State>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    change(&state, &headers, &named, &GrantChange::Add)
}

/// `HEAD`, and `GET`.
pub(super) async fn check(
    Shared(state): Shared<Arc<State>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    change(&state, &headers, &named, &GrantChange::Check)
}

/// `DELETE`.
pub(super) async fn remove(
    Shared(state): Shared<Arc<State>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    change(&state, &headers, &named, &GrantChange::Remove)
}

fn on_system((user, role): (String, String)) -> Named {
    ("system".to_owned(), "system".to_owned(), user, role)
}

/// `PUT /v3/system/users/{user}/roles/{role}`.
pub(super) async fn add_to_system(
    Shared(state): Shared<Arc<State>>,
    Path(named): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    change(&state, &headers, &on_system(named), &GrantChange::Add)
}

pub(super) async fn check_on_system(
    Shared(state): Shared<Arc<State>>,
    Path(named): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    change(&state, &headers, &on_system(named), &GrantChange::Check)
}

pub(super) async fn remove_from_system(
    Shared(state): Shared<Arc<State>>,
    Path(named): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, IdentityRefusal> {
    change(&state, &headers, &on_system(named), &GrantChange::Remove)
}

/// `GET /v3/{projects,domains}/{id}/users/{user}/roles`.
pub(super) async fn of_user(
    Shared(state): Shared<Arc<State>>,
    Path((table, target, user)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    roles(&state, &headers, (&table, &target, &user))
}

/// `GET /v3/system/users/{user}/roles`.
pub(super) async fn of_system(
    Shared(state): Shared<Arc<State>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    roles(&state, &headers, ("system", "system", &user))
}

fn roles(
    state: &State,
    headers: &HeaderMap,
    (table, target, user): (&str, &str, &str),
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(state, headers)?;
    caller.require_admin("list_grants")?;
    let directory = &inner.directory;
    let scope = scope(directory, table, target)?;
    let url = base(state, headers);
    let own = directory.roles(user, &scope);
    let roles = own.iter().filter_map(|id| directory.get(Table::Roles, id));
    let roles = roles.map(|role| linked(role, &url, "roles")).collect();
    Ok(Json(listed("roles", roles, &url, &format!("{table}/{target}/users/{user}/roles"))))
}

/// `GET /v3/role_assignments`.
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    caller.require_admin("list_role_assignments")?;
    let url = base(&state, &headers);
    let directory = &inner.directory;
    let asked = |key: &str| query.iter().find(|(name, _)| name == key).map(|(_, value)| &**value);
    // A flag without a value is set.
    let is_set = |key| asked(key).is_some_and(|value| !matches!(value, "0" | "false" | "False"));
    let with_names = is_set("include_names");
    let fits = |it: &Assignment| {
        asked("user.id").is_none_or(|id| it.user == id)
            && asked("role.id").is_none_or(|id| it.role == id)
            && asked("scope.project.id").is_none_or(|id| it.scope == Scope::Project(id.to_owned()))
            && asked("scope.domain.id").is_none_or(|id| it.scope == Scope::Domain(id.to_owned()))
            && asked("scope.system").is_none_or(|_| it.scope == Scope::System)
            && asked("group.id").is_none()
    };
    let named = |table: Table, id: &str| {
        let mut shown = json!({"id": id});
        if let Some(known) = directory.get(table, id).filter(|_| with_names) {
            shown["name"] = text(known, "name").into();
            if matches!(table, Table::Users | Table::Projects) {
                let domain = text(known, "domain_id");
                let name = directory.get(Table::Domains, domain).map(|it| text(it, "name"));
                shown["domain"] = json!({"id": domain, "name": name});
            }
        }
        shown
    };
    let shown = |it: &Assignment| {
        let (scope, place) = match &it.scope {
            Scope::Project(id) => {
                (json!({"project": named(Table::Projects, id)}), format!("projects/{id}"))
            }
            Scope::Domain(id) => {
                (json!({"domain": named(Table::Domains, id)}), format!("domains/{id}"))
            }
            Scope::System | Scope::Unscoped => {
                (json!({"system": {"all": true}}), "system".to_owned())
            }
        };
        let link = format!("{url}/v3/{place}/users/{}/roles/{}", it.user, it.role);
        json!({
            "scope": scope,
            "user": named(Table::Users, &it.user),
            "role": named(Table::Roles, &it.role),
            "links": {"assignment": link},
        })
    };
    let found = directory.assignments.iter().filter(|it| fits(it)).map(shown).collect();
    Ok(Json(listed("role_assignments", found, &url, "role_assignments")))
}
