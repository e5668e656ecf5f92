//! What a login can reach: the catalog of services, projects and domains.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Shared};
use http::HeaderMap;
use serde_json::{Value, json};

use super::access::sign_in;
use super::reply::{IdentityRefusal, base, linked, listed};
use crate::directory::{Directory, Scope, Table, text};
use crate::state::State;

/// `GET /v3/auth/catalog`.
pub(super) async fn catalog(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (_, inner) = sign_in(&state, &headers)?;
    let url = base(&state, &headers);
    let links = json!({"next": null, "self": format!("{url}/v3/auth/catalog"), "previous": null});
    Ok(Json(json!({"catalog": services(&inner.directory, &state.url, &url), "links": links})))
}

/// The catalog. A service that listens on all addresses is reachable under that of the request.
pub(super) fn services(directory: &Directory, listening: &str, requested: &str) -> Vec<Value> {
    let is_any = ["//0.0.0.0:", "//[::]:"].iter().any(|any| listening.contains(any));
    let url = if is_any { requested } else { listening };
    let service = |service| {
        let endpoints: Vec<Value> = endpoints(directory, url)
            .into_iter()
            .filter(|endpoint| endpoint["service_id"] == json!(text(service, "id")))
            .map(|mut endpoint| {
                for key in ["service_id", "enabled"] {
                    endpoint.as_object_mut().map(|it| it.remove(key));
                }
                endpoint
            })
            .collect();
        json!({
            "id": text(service, "id"),
            "type": text(service, "type"),
            "name": text(service, "name"),
            "endpoints": endpoints,
        })
    };
    directory.all(Table::Services).map(service).collect()
}

/// The endpoints: of the image service in both regions, of the identity service in the first, and those that
/// an administrator added.
pub(super) fn endpoints(directory: &Directory, url: &str) -> Vec<Value> {
    let identity = format!("{url}/v3/");
    let mut all = Vec::new();
    for (number, region) in directory.all(Table::Regions).enumerate() {
        let region = text(region, "id");
        for (service, url) in [("glance", url), ("keystone", identity.as_str())] {
            if directory.get(Table::Services, service).is_none()
                || number > usize::from(service == "glance")
            {
                continue;
            }
            for interface in ["public", "internal", "admin"] {
                all.push(json!({
                    "id": format!("{service}-{region}-{interface}"),
                    "interface": interface,
                    "region": region,
                    "region_id": region,
                    "service_id": service,
                    "url": url,
                    "enabled": true,
                }));
            }
        }
    }
    all.extend(directory.all(Table::Endpoints).cloned().map(Value::Object));
    all
}

/// `GET /v3/auth/projects`: those in which the caller has a role.
pub(super) async fn projects(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    let url = base(&state, &headers);
    let projects = of_user(&inner.directory, &caller.token.user, &url);
    Ok(Json(listed("projects", projects, &url, "auth/projects")))
}

/// `GET /v3/users/{user}/projects`.
pub(super) async fn projects_of_user(
    Shared(state): Shared<Arc<State>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    caller.require_self(&user, "list_user_projects")?;
    let url = base(&state, &headers);
    let projects = of_user(&inner.directory, &user, &url);
    Ok(Json(listed("projects", projects, &url, &format!("users/{user}/projects"))))
}

fn of_user(directory: &Directory, user: &str, url: &str) -> Vec<Value> {
    let has_role = |id: &str| !directory.roles(user, &Scope::Project(id.to_owned())).is_empty();
    directory
        .all(Table::Projects)
        .filter(|project| has_role(text(project, "id")))
        .map(|project| linked(project, url, "projects"))
        .collect()
}

/// `GET /v3/auth/domains`.
pub(super) async fn domains(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    let url = base(&state, &headers);
    let directory = &inner.directory;
    let has_role =
        |id: &str| !directory.roles(&caller.token.user, &Scope::Domain(id.to_owned())).is_empty();
    let domains = directory.all(Table::Domains).filter(|domain| has_role(text(domain, "id")));
    let domains = domains.map(|domain| linked(domain, &url, "domains")).collect();
    Ok(Json(listed("domains", domains, &url, "auth/domains")))
}

/// `GET /v3/auth/system`.
pub(super) async fn system(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
) -> Result<Json<Value>, IdentityRefusal> {
    let (caller, inner) = sign_in(&state, &headers)?;
    let roles = inner.directory.roles(&caller.token.user, &Scope::System);
    let system: Vec<Value> = roles.first().map(|_| json!({"all": true})).into_iter().collect();
    let links = json!({"self": format!("{}/v3/auth/system", base(&state, &headers))});
    Ok(Json(json!({"system": system, "links": links})))
}
