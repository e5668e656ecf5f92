//! The Identity API v3, in the part that clients of images and their tests need.

mod access;
mod assignments;
mod catalog;
mod credentials;
mod login;
mod reply;
mod resources;
mod tokens;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};
use http::HeaderMap;

use crate::directory::{Scope, text};
use crate::policy::{Caller, Role};
use crate::state::State;

/// The calls: below `/v3`, and the same below `/identity`, where a client finds the version by itself.
pub(crate) fn routes() -> Router<Arc<State>> {
    let mut router = Router::new()
        .route("/identity", get(versions::choices))
        .route("/identity/", get(versions::choices));
    for base in ["/v3", "/identity/v3"] {
        let at = |path: &str| format!("{base}{path}");
        router = router
            .route(base, get(versions::version))
            .route(&at("/"), get(versions::version))
            .route(&at("/auth/tokens"), get(tokens::show).post(login::login).delete(tokens::revoke))
            .route(&at("/auth/catalog"), get(catalog::catalog))
            .route(&at("/auth/projects"), get(catalog::projects))
            .route(&at("/auth/domains"), get(catalog::domains))
            .route(&at("/auth/system"), get(catalog::system))
            .route(&at("/role_assignments"), get(assignments::list))
            .route(&at("/users/{user}/password"), post(resources::change_password))
            .route(&at("/users/{user}/projects"), get(catalog::projects_of_user))
            .route(&at("/users/{user}/groups"), get(resources::groups_of_user))
            .route(
                &at("/users/{user}/application_credentials"),
                get(credentials::list).post(credentials::create),
            )
            .route(
                &at("/users/{user}/application_credentials/{id}"),
                get(credentials::show).delete(credentials::delete),
            )
            .route(&at("/system/users/{user}/roles"), get(assignments::of_system))
            .route(
                &at("/system/users/{user}/roles/{role}"),
                put(assignments::add_to_system)
                    .get(assignments::check_on_system)
                    .delete(assignments::remove_from_system),
            )
            .route(&at("/{table}/{target}/users/{user}/roles"), get(assignments::of_user))
            .route(
                &at("/{table}/{target}/users/{user}/roles/{role}"),
                put(assignments::add).get(assignments::check).delete(assignments::remove),
            )
            .route(&at("/{table}"), get(resources::list).post(resources::create))
            .route(
                &at("/{table}/{id}"),
                get(resources::show).patch(resources::update).delete(resources::delete),
            );
    }
    router
}

/// The caller of a request to the image service; none if a token is required and there is no valid one.
pub(crate) fn authenticate(state: &State, headers: &HeaderMap) -> Option<Caller> {
    if !state.options.require_token {
        return Some(Caller::anyone());
    }
    let inner = state.lock();
    let token = inner.tokens.get(headers.get("x-auth-token")?.to_str().ok()?)?;
    if !token.is_valid(&inner.directory) {
        return None;
    }
    let roles = token.roles(&inner.directory);
    let has = |name: &str| roles.iter().any(|role| text(role, "name") == name);
    let role = match () {
        () if has("admin") => Role::Admin,
        () if has("member") => Role::Member,
        () if has("reader") => Role::Reader,
        () => Role::None,
    };
    let project = match &token.scope {
        Scope::Project(id) => Some(id.as_str().into()),
        _ => None,
    };
    let user = Some(token.user.as_str().into());
    Some(Caller { user, project, role, is_service: has("service") })
}
