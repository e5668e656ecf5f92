//! The identity service: logins, scopes, and users that an administrator creates.

use std::time::Duration;

use imgpush_sandbox::{
    ADMIN, APPLICATION_CREDENTIAL, Error, PASSWORD, PROJECT, PROJECT_ID, Sandbox, SandboxOptions,
    USER, Users,
};
use serde_json::{Value, json};

use crate::Wire;

const NULL: Value = Value::Null;

/// Logs in; returns the status, the token and the body.
async fn log_in(wire: &Wire, identity: Value, scope: Value) -> (u16, String, Value) {
    let mut auth = json!({"identity": identity});
    if !scope.is_null() {
        auth["scope"] = scope;
    }
    let url = format!("{}/auth/tokens", wire.scene.auth_url());
    let response = wire.http.post(url).json(&json!({"auth": auth})).send().await.unwrap();
    let status = response.status().as_u16();
    let token = response.headers().get("x-subject-token");
    let token = token.map_or("", |token| token.to_str().unwrap()).to_owned();
    (status, token, response.json().await.unwrap_or(NULL))
}

fn password(name: &str, password: &str) -> Value {
    let user = json!({"name": name, "domain": {"name": "Default"}, "password": password});
    json!({"methods": ["password"], "password": {"user": user}})
}

fn in_project(name: &str) -> Value {
    json!({"project": {"name": name, "domain": {"id": "default"}}})
}

#[tokio::test]
async fn a_login_has_the_requested_scope() {
    let wire = Wire::cloud().await;
    let admin = || password(ADMIN, PASSWORD);
    let (status, _, body) = log_in(&wire, admin(), in_project("admin")).await;
    assert_eq!((status, &body["token"]["project"]["name"]), (201, &json!("admin")));
    let system = json!({"system": {"all": true}});
    let (status, _, body) = log_in(&wire, admin(), system.clone()).await;
    assert_eq!((status, &body["token"]["system"]["all"]), (201, &json!(true)));
    let domain = json!({"domain": {"id": "default"}});
    let (status, _, body) = log_in(&wire, admin(), domain).await;
    assert_eq!((status, &body["token"]["domain"]["name"]), (201, &json!("Default")));

    // Without a scope there are neither roles nor a catalog, and images are out of reach.
    let (status, token, body) = log_in(&wire, password(USER, PASSWORD), json!("unscoped")).await;
    assert_eq!((status, &body["token"]["roles"]), (201, &NULL));
    assert_eq!(wire.call(&token, "POST", "/v2/images", json!({})).await.0, 403);
    // A token can be exchanged for one with a scope.
    let by_token = json!({"methods": ["token"], "token": {"id": token}});
    let (status, token, _) = log_in(&wire, by_token, in_project(PROJECT)).await;
    assert_eq!(status, 201);
    assert_eq!(wire.call(&token, "POST", "/v2/images", json!({})).await.0, 201);

    for (identity, scope, expected) in [
        (password(USER, "wrong"), NULL, 401),
        (password("nobody", PASSWORD), NULL, 401),
        (password(USER, PASSWORD), in_project("admin"), 401),
        (password(USER, PASSWORD), in_project("nowhere"), 401),
        (password(USER, PASSWORD), system, 401),
        (password(USER, PASSWORD), json!({"project": {"name": PROJECT}}), 400),
        (json!({"methods": ["totp"]}), NULL, 400),
        (json!({}), NULL, 400),
    ] {
        let (status, _, body) = log_in(&wire, identity, scope).await;
        assert_eq!((status, &body["error"]["code"]), (expected, &json!(expected)), "{body}");
    }
}

#[tokio::test]
async fn an_application_credential_is_for_one_project() {
    let wire = Wire::cloud().await;
    let (id, secret) = APPLICATION_CREDENTIAL;
    let by_id = |secret: &str| {
        json!({
            "methods": ["application_credential"],
            "application_credential": {"id": id, "secret": secret},
        })
    };
    let (status, token, body) = log_in(&wire, by_id(secret), NULL).await;
    assert_eq!((status, &body["token"]["project"]["id"]), (201, &json!(PROJECT_ID)));
    let (_, image) = wire.call(&token, "POST", "/v2/images", json!({})).await;
    assert_eq!(image["owner"], PROJECT_ID);
    assert_eq!(log_in(&wire, by_id("wrong"), NULL).await.0, 401);
    assert_eq!(log_in(&wire, by_id(secret), in_project(PROJECT)).await.0, 401);
}

#[tokio::test]
async fn a_token_is_shown_and_revoked() {
    let wire = Wire::cloud().await;
    let (admin, user) = (wire.login(ADMIN).await, wire.login(USER).await);
    let call = async |method: &str| {
        let url = format!("{}/auth/tokens", wire.scene.auth_url());
        let request = wire.http.request(method.parse().unwrap(), url);
        let request = request.header("x-auth-token", &admin).header("x-subject-token", &user);
        request.send().await.unwrap()
    };
    let shown: Value = call("GET").await.json().await.unwrap();
    assert_eq!(shown["token"]["user"]["name"], USER);
    assert_eq!(call("HEAD").await.status(), 200);
    assert_eq!(call("DELETE").await.status(), 204);
    assert_eq!(call("HEAD").await.status(), 404);
    assert_eq!(wire.call(&user, "GET", "/v2/images", NULL).await.0, 401);
}

#[tokio::test]
async fn an_administrator_creates_users_with_roles() {
    let wire = Wire::cloud().await;
    let (admin, user) = (wire.login(ADMIN).await, wire.login(USER).await);
    let project = json!({"project": {"name": "p", "domain_id": "default"}});
    assert_eq!(wire.call(&user, "POST", "/v3/projects", project.clone()).await.0, 403);
    let (status, made) = wire.call(&admin, "POST", "/v3/projects", project.clone()).await;
    assert_eq!(status, 201, "{made}");
    let project_id = made["project"]["id"].as_str().unwrap();
    assert_eq!(wire.call(&admin, "POST", "/v3/projects", project).await.0, 409);
    for body in [json!([1]), json!("project"), json!({"project": 1})] {
        assert_eq!(wire.call(&admin, "POST", "/v3/projects", body.clone()).await.0, 400, "{body}");
    }
    let body = json!({"user": {"name": "u", "password": "pw", "default_project_id": project_id}});
    let (status, made) = wire.call(&admin, "POST", "/v3/users", body).await;
    assert!(status == 201 && !made.to_string().contains("pw"), "{made}");
    let user_id = made["user"]["id"].as_str().unwrap();

    // Without a role the user cannot use the project.
    assert_eq!(log_in(&wire, password("u", "pw"), in_project("p")).await.0, 401);
    let (_, roles) = wire.call(&admin, "GET", "/v3/roles?name=member", NULL).await;
    let role = roles["roles"][0]["id"].as_str().unwrap();
    let grant = format!("/v3/projects/{project_id}/users/{user_id}/roles/{role}");
    assert_eq!(wire.call(&admin, "HEAD", &grant, NULL).await.0, 404);
    assert_eq!(wire.call(&admin, "PUT", &grant, NULL).await.0, 204);
    let (status, token, _) = log_in(&wire, password("u", "pw"), NULL).await;
    assert_eq!(status, 201);
    let path = wire.record(&token, json!({})).await;
    assert_eq!(wire.show(&token, &path).await["owner"], project_id);
    assert_eq!(wire.call(&user, "GET", &path, NULL).await.0, 404);
    let query = format!("/v3/role_assignments?user.id={user_id}&include_names=true");
    let (_, found) = wire.call(&admin, "GET", &query, NULL).await;
    assert_eq!(found["role_assignments"][0]["scope"]["project"]["name"], "p");

    // Its tokens end with the role.
    assert_eq!(wire.call(&admin, "DELETE", &grant, NULL).await.0, 204);
    assert_eq!(wire.call(&token, "GET", &path, NULL).await.0, 401);
    assert_eq!(wire.call(&admin, "DELETE", &format!("/v3/users/{user_id}"), NULL).await.0, 204);
    assert_eq!(wire.call(&admin, "GET", &format!("/v3/users/{user_id}"), NULL).await.0, 404);
    assert_eq!(
        wire.call(&admin, "DELETE", &format!("/v3/projects/{project_id}"), NULL).await.0,
        204
    );
}

#[tokio::test]
async fn versions_are_found_without_a_version_in_the_url() {
    let wire = Wire::open().await;
    let (status, body) = wire.call("", "GET", "/identity", NULL).await;
    let versions = &body["versions"]["values"];
    let url = format!("{}/identity/v3/", wire.scene.image_url());
    assert_eq!((status, &versions[0]["links"][0]["href"]), (300, &json!(url)));
    let (status, body) = wire.call("", "GET", "/identity/v3", NULL).await;
    assert_eq!((status, &body["version"]["links"][0]["href"]), (200, &json!(url)));
}

#[tokio::test]
async fn users_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.yaml");
    let text = "users:\n  - {name: alice, password: wonder'land, project: rabbits}\n";
    std::fs::write(&file, text).unwrap();
    let options = SandboxOptions::default()
        .with_dir(folder.path().join("images"))
        .with_tokens(Duration::from_secs(60))
        .with_users(Users::read(&file).unwrap());
    let sandbox = Sandbox::start(options).await.unwrap();
    let (path, names) = sandbox.write_clouds_file().unwrap();
    assert_eq!(names, ["alice"]);
    let clouds = std::fs::read_to_string(&path).unwrap();
    assert!(
        clouds.contains("password: 'wonder''land'") && clouds.contains("'rabbits'"),
        "{clouds}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    std::fs::write(&file, "users:\n  - {name: alice, passwort: x}\n").unwrap();
    let error = Users::read(&file).unwrap_err();
    assert!(matches!(error, Error::Users { .. }));
    assert!(
        error.to_string().contains("users.yaml: user alice")
            || error.to_string().contains("passwort")
    );
    assert!(!format!("{:?}", Users::default()).contains(PASSWORD));
}
