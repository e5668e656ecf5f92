//! The part of Keystone that a login needs.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::clock;
use crate::policy::{Caller, Role};
use crate::state::State;

/// The default user, a member of [`PROJECT`].
pub const USER: &str = "demo";
/// The password of every user.
pub const PASSWORD: &str = "secret";
/// The project of [`USER`].
pub const PROJECT: &str = "demo";
/// The id of [`PROJECT`], which owns the images of [`USER`].
pub const PROJECT_ID: &str = "b9bd5e30605c4b1c837e5e29b527e31e";
/// A user with read access to the images of [`PROJECT`].
pub const READER: &str = "demo-reader";
/// A member of [`OTHER_PROJECT`].
pub const OTHER_USER: &str = "other";
/// Another project.
pub const OTHER_PROJECT: &str = "other";
/// The id of [`OTHER_PROJECT`], as used for the members of an image.
pub const OTHER_PROJECT_ID: &str = "5c3f6b8a7d2e4f1f9a0b1c2d3e4f5a6b";
/// The administrator.
pub const ADMIN: &str = "admin";
/// The project of [`ADMIN`].
pub const ADMIN_PROJECT: &str = "admin";
/// The regions of the catalog, all with the same service.
pub const REGIONS: [&str; 2] = ["RegionOne", "RegionTwo"];
/// The id and the secret of the application credential of [`USER`].
pub const APPLICATION_CREDENTIAL: (&str, &str) = ("2f6a4f0a9c1b4b0f8d0d6b1f0a5e7c31", "app-secret");

const ADMIN_PROJECT_ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Name and id of a user, name and id of the project, and the role in it.
struct User {
    name: &'static str,
    id: &'static str,
    project: &'static str,
    project_id: &'static str,
    role: Role,
}

const USERS: [User; 4] = [
    User {
        name: USER,
        id: "4a9ed8ca4f8241d9b83e8723f84d5812",
        project: PROJECT,
        project_id: PROJECT_ID,
        role: Role::Member,
    },
    User {
        name: READER,
        id: "8d7c6b5a49384756a1b2c3d4e5f60718",
        project: PROJECT,
        project_id: PROJECT_ID,
        role: Role::Reader,
    },
    User {
        name: OTHER_USER,
        id: "1b2c3d4e5f60718293a4b5c6d7e8f901",
        project: OTHER_PROJECT,
        project_id: OTHER_PROJECT_ID,
        role: Role::Member,
    },
    User {
        name: ADMIN,
        id: "c0ffee00c0ffee00c0ffee00c0ffee00",
        project: ADMIN_PROJECT,
        project_id: ADMIN_PROJECT_ID,
        role: Role::Admin,
    },
];

impl User {
    fn caller(&self) -> Caller {
        Caller { user: Some(self.id), project: Some(self.project_id), role: self.role }
    }

    /// Keystone also lists the roles that a role implies.
    fn roles(&self) -> Value {
        let names: &[&str] = match self.role {
            Role::Admin => &["admin", "manager", "member", "reader"],
            Role::Member => &["member", "reader"],
            Role::Reader => &["reader"],
        };
        let role = |name: &&str| json!({"id": format!("{name:0>32}"), "name": name});
        names.iter().map(role).collect()
    }
}

/// `GET /v3`: the version document. Like Keystone, it names the host of the request, which may be a proxy.
pub(crate) async fn version(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Json<Value> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let url = host.map_or_else(|| state.url.clone(), |host| format!("http://{host}"));
    Json(json!({"version": {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{url}/v3/")}],
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
    let user = authenticated_user(&state, method, &identity[method]);
    let Some(user) = user.filter(|user| is_scope_of(&body["auth"]["scope"], user)) else {
        return unauthorized(&state);
    };
    let token = format!("gAAAA{}", uuid::Uuid::new_v4().simple());
    let lifetime = state.options.token_lifetime;
    let good = (Instant::now() + lifetime, user.caller());
    state.lock().tokens.insert(token.clone(), good);
    let body = json!({"token": {
        "methods": [method],
        "user": {
            "domain": {"id": "default", "name": "Default"},
            "id": user.id,
            "name": user.name,
            "password_expires_at": null,
        },
        "audit_ids": ["-0dtUVJMSHixa1ZuLs1svA"],
        "expires_at": micros(SystemTime::now() + lifetime),
        "issued_at": micros(SystemTime::now()),
        "project": {
            "domain": {"id": "default", "name": "Default"},
            "id": user.project_id,
            "name": user.project,
        },
        "is_domain": false,
        "roles": user.roles(),
        "catalog": [
            service("image", "glance", &state.url, &REGIONS),
            service("identity", "keystone", &format!("{}/v3/", state.url), &REGIONS[..1]),
        ],
    }});
    (StatusCode::CREATED, [("x-subject-token", token)], Json(body)).into_response()
}

/// The user that the credentials identify.
fn authenticated_user(state: &State, method: &str, given: &Value) -> Option<&'static User> {
    match method {
        "password" if given["user"]["password"] == PASSWORD => {
            let user = &given["user"];
            USERS.iter().find(|known| user["name"] == known.name || user["id"] == known.id)
        }
        "application_credential"
            if given["id"] == APPLICATION_CREDENTIAL.0
                && given["secret"] == APPLICATION_CREDENTIAL.1 =>
        {
            USERS.first()
        }
        "token" => {
            let caller = caller(state, given["id"].as_str()?)?;
            USERS.iter().find(|known| Some(known.id) == caller.user)
        }
        _ => None,
    }
}

/// Whether the user has a role in this scope. Without a scope it is the user's own project.
fn is_scope_of(scope: &Value, user: &User) -> bool {
    let project = &scope["project"];
    project.is_null() || project["name"] == user.project || project["id"] == user.project_id
}

/// The caller; none if a token is required and there is no valid one.
pub(crate) fn authenticate(state: &State, headers: &HeaderMap) -> Option<Caller> {
    if !state.options.require_token {
        return Some(Caller::ANYONE);
    }
    caller(state, headers.get("x-auth-token")?.to_str().ok()?)
}

fn caller(state: &State, token: &str) -> Option<Caller> {
    let inner = state.lock();
    let (end, caller) = inner.tokens.get(token)?;
    (*end > Instant::now()).then_some(*caller)
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

fn service(kind: &str, name: &str, url: &str, regions: &[&str]) -> Value {
    let endpoint = |region: &str, interface: &str| {
        json!({
            "id": format!("{name}-{region}-{interface}"),
            "interface": interface,
            "region": region,
            "region_id": region,
            "url": url,
        })
    };
    let endpoints: Vec<Value> = regions
        .iter()
        .flat_map(|region| ["public", "internal", "admin"].map(|face| endpoint(region, face)))
        .collect();
    json!({"id": name, "type": kind, "name": name, "endpoints": endpoints})
}

/// Keystone writes times with microseconds, which are always zero.
fn micros(time: SystemTime) -> String {
    clock::seconds_text(clock::micros(time)).replace('Z', ".000000Z")
}
