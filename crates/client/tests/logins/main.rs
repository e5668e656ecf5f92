//! Logins: the requests to an Identity service for a configuration, and the results of its responses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod projects;
mod service;

use std::time::Duration;

use futures_util::StreamExt as _;
use imgpush_client::{
    Cloud, CloudOptions, ConfigError, DownloadOptions, Error, ImageClient, ImageQuery, Project,
    Surroundings, Token,
};
use serde_json::{Value, json};

use service::{Answer, Asked, Service, token};

/// A folder with configuration files, and variables.
struct Place {
    folder: tempfile::TempDir,
    at: Surroundings,
}

impl Place {
    /// With this clouds.yaml, in which `@` stands for the address of the service.
    fn new(service: &Service, clouds: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = Surroundings::default()
            .with_working_directory(folder.path())
            .with_variable("HOME", folder.path().display().to_string());
        let place = Place { folder, at };
        place.write("clouds.yaml", &clouds.replace('@', &service.url));
        place
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn with(mut self, variable: &str, value: &str) -> Self {
        self.at = self.at.with_variable(variable, value);
        self
    }

    fn cloud(&self) -> Cloud {
        Cloud::load_from(&CloudOptions::named(Some("c".into())), &self.at).unwrap()
    }
}

/// One cloud with these lines, and these lines under `auth`.
fn cloud(lines: &str, auth: &str) -> String {
    format!("clouds: {{c: {{{lines} auth: {{auth_url: '@/v3', {auth}}}}}}}\n")
}

const USER: &str = "username: u, password: p";

fn user() -> Value {
    json!({"name": "u", "domain": {"id": "default"}, "password": "p"})
}

/// The one login request of a cloud.
async fn login(service: &Service, place: &Place) -> Value {
    place.cloud().identity().unwrap().token().await.unwrap();
    let asked = service.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((&*asked[0].method, &*asked[0].path), ("POST", "/v3/auth/tokens"));
    asked[0].auth()
}

#[tokio::test]
async fn every_method_sends_the_login_of_the_identity_api() {
    let service = Service::start().await;
    let project = json!({"project": {"name": "p", "domain": {"id": "default"}}});
    let methods = |names: &[&str], parameters: Value| {
        let mut identity = parameters;
        identity["methods"] = json!(names);
        identity
    };
    let password = methods(&["password"], json!({"password": {"user": user()}}));
    for (lines, auth, identity, scope) in [
        ("", "username: u, password: p, project_name: p", password.clone(), project.clone()),
        (
            "auth_type: v3password,",
            "user_id: i, password: p, project_id: x",
            methods(&["password"], json!({"password": {"user": {"id": "i", "password": "p"}}})),
            json!({"project": {"id": "x"}}),
        ),
        (
            "",
            "token: t, project_id: x",
            methods(&["token"], json!({"token": {"id": "t"}})),
            json!({"project": {"id": "x"}}),
        ),
        (
            "",
            "application_credential_id: i, application_credential_secret: s, project_name: p",
            methods(
                &["application_credential"],
                json!({"application_credential": {"id": "i", "secret": "s"}}),
            ),
            Value::Null,
        ),
        (
            "auth_type: v3applicationcredential,",
            "application_credential_name: n, application_credential_secret: s, username: u, \
             user_domain_name: D",
            methods(
                &["application_credential"],
                json!({"application_credential": {"name": "n", "secret": "s",
                    "user": {"name": "u", "domain": {"name": "D"}}}}),
            ),
            Value::Null,
        ),
        (
            "auth_type: v3multifactor,",
            "auth_methods: [v3password, v3totp], username: u, password: p, passcode: 012345, \
             project_name: p",
            methods(
                &["password", "totp"],
                json!({
                    "password": {"user": user()},
                    "totp": {"user": {"name": "u", "domain": {"id": "default"}, "passcode": "012345"}},
                }),
            ),
            project,
        ),
        (
            "",
            "username: u, password: p, system_scope: all",
            password.clone(),
            json!({"system": {"all": true}}),
        ),
        (
            "",
            "username: u, password: p, domain_name: D",
            password.clone(),
            json!({"domain": {"name": "D"}}),
        ),
        (
            "",
            "username: u, password: p, trust_id: t",
            password.clone(),
            json!({"OS-TRUST:trust": {"id": "t"}}),
        ),
        ("", "username: u, password: p, unscoped: true", password.clone(), json!("unscoped")),
        ("", USER, password, Value::Null),
    ] {
        let sent = login(&service, &Place::new(&service, &cloud(lines, auth))).await;
        assert_eq!((&sent["identity"], &sent["scope"]), (&identity, &scope), "{lines} {auth}");
    }
}

#[tokio::test]
async fn values_are_sent_as_they_are_written() {
    let service = Service::start().await;
    for (password, project) in [
        ("p", "1234e567890123456789012345678901"),
        ("p", "12345678901234567890123456789012"),
        ("1e10", "0001"),
        ("0123", "3.0"),
        ("no", "2026-11-29"),
        ("'null'", "'~'"),
    ] {
        let auth = format!("username: u, password: {password}, project_id: {project}");
        let sent = login(&service, &Place::new(&service, &cloud("", &auth))).await;
        assert_eq!(
            (&sent["identity"]["password"]["user"]["password"], &sent["scope"]["project"]["id"]),
            (&json!(password.trim_matches('\'')), &json!(project.trim_matches('\''))),
        );
    }
}

#[tokio::test]
async fn outdated_names_and_places_of_keys_are_accepted() {
    let service = Service::start().await;
    let scope = |domain: Value| json!({"project": {"name": "p", "domain": domain}});
    for (lines, auth, user_domain, scope) in [
        ("", "tenant_name: p", json!({"id": "default"}), scope(json!({"id": "default"}))),
        (
            "",
            "tenant-name: old, project_name: p",
            json!({"id": "default"}),
            scope(json!({"id": "default"})),
        ),
        ("project_name: p,", "", json!({"id": "default"}), scope(json!({"id": "default"}))),
        (
            "project_name: p,",
            "project_name: inside",
            json!({"id": "default"}),
            scope(json!({"id": "default"})),
        ),
        ("", "project_name: p, domain_name: D", json!({"name": "D"}), scope(json!({"name": "D"}))),
        (
            "",
            "project_name: p, default_domain_name: D",
            json!({"name": "D"}),
            scope(json!({"name": "D"})),
        ),
        ("default_domain: d,", "project_name: p", json!({"id": "d"}), scope(json!({"id": "d"}))),
        (
            "",
            "project_name: p, user_domain_id: x, project_domain_name: Y",
            json!({"id": "x"}),
            scope(json!({"name": "Y"})),
        ),
        (
            "",
            "tenant_id: i, project_name: ''",
            json!({"id": "default"}),
            json!({"project": {"id": "i"}}),
        ),
    ] {
        let auth = format!("{USER}, {auth}");
        let sent = login(&service, &Place::new(&service, &cloud(lines, &auth))).await;
        assert_eq!(sent["identity"]["password"]["user"]["domain"], user_domain, "{lines} {auth}");
        assert_eq!(sent["scope"], scope, "{lines} {auth}");
    }
}

#[tokio::test]
async fn variables_alone_describe_a_cloud() {
    let service = Service::start().await;
    let place = Place::new(&service, "")
        .with("OS_AUTH_URL", &format!("{}/v3", service.url))
        .with("OS_USERNAME", "u")
        .with("OS_PASSWORD", "p")
        .with("OS_USER_DOMAIN_NAME", "D")
        .with("OS_TRUST_ID", "t")
        .with("OS_REGION_NAME", "b");
    let cloud = Cloud::load_from(&CloudOptions::default(), &place.at).unwrap();
    let identity = cloud.identity().unwrap();
    assert_eq!(identity.endpoint().await.unwrap().as_str(), "http://image.b.example/");
    let sent = service.asked()[0].auth();
    assert_eq!(sent["scope"], json!({"OS-TRUST:trust": {"id": "t"}}));
    assert_eq!(sent["identity"]["password"]["user"]["domain"], json!({"name": "D"}));
}

#[tokio::test]
async fn merge_keys_profiles_and_secrets_of_other_files_count() {
    let service = Service::start().await;
    let merged = "x: &d {region_name: b, auth: &a {auth_url: '@/v3', username: u, password: p}}\n\
                  clouds:\n  c:\n    <<: *d\n    auth:\n      <<: *a\n      project_name: p\n";
    let place = Place::new(&service, merged);
    let identity = place.cloud().identity().unwrap();
    assert_eq!(identity.endpoint().await.unwrap().as_str(), "http://image.b.example/");
    assert_eq!(service.asked()[0].auth()["scope"]["project"]["name"], "p");

    let place = Place::new(
        &service,
        "clouds: {c: {profile: vendor, auth: {username: u, project_name: p}}}\n",
    );
    place.write(
        "clouds-public.yaml",
        &"public-clouds: {vendor: {region_name: b, auth: {auth_url: '@/v3', username: them}}}\n"
            .replace('@', &service.url),
    );
    place.write("secure.yaml", "clouds: {c: {auth: {password: p}}}\n");
    let identity = place.cloud().identity().unwrap();
    assert_eq!(identity.endpoint().await.unwrap().as_str(), "http://image.b.example/");
    assert_eq!(service.asked()[0].auth()["identity"]["password"]["user"], user());
}

#[tokio::test]
async fn regions_and_interfaces_choose_the_endpoint() {
    let service = Service::start().await;
    let endpoint = async |lines: &str, variable: Option<&str>| {
        let mut place = Place::new(&service, &cloud(lines, USER));
        if let Some(region) = variable {
            place = place.with("OS_REGION_NAME", region);
        }
        place.cloud().identity().unwrap().endpoint().await
    };
    for (lines, variable, region) in [
        ("", None, "a"),
        ("region_name: b,", None, "b"),
        ("region_name: b,", Some("a"), "b"),
        ("", Some("b"), "b"),
        ("regions: [b, a],", None, "b"),
        ("regions: [b, a],", Some("a"), "a"),
        ("region_name: 'b,a',", None, "b"),
        ("regions: [{name: a, values: {image_region_name: b}}],", None, "b"),
        ("region_name: a, image_region_name: b,", None, "b"),
        ("interface: [internal, publicURL],", None, "a"),
        ("endpoint_type: publicURL, region_name: b,", None, "b"),
        ("interface: admin, image_interface: public,", None, "a"),
    ] {
        let found = endpoint(lines, variable).await.unwrap();
        assert_eq!(found.as_str(), format!("http://image.{region}.example/"), "{lines}");
    }
    let wrong = endpoint("region_name: z,", None).await.unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "the service catalog has no image endpoint for region z and interface public; regions with such \
         an endpoint: a, b"
    );
    let given = endpoint("image_endpoint_override: 'http://there:9292',", None).await.unwrap();
    assert_eq!(given.as_str(), "http://there:9292/");
    let named = "region_name: b, image_endpoint_override: 'http://{region_name}.there:9292',";
    let given = endpoint(named, None).await.unwrap();
    assert_eq!(given.as_str(), "http://b.there:9292/");
    // A region that the file does not list is an error before any request.
    let place = Place::new(&service, &cloud("regions: [b, a],", USER)).with("OS_REGION_NAME", "z");
    let options = CloudOptions::named(Some("c".into()));
    let error = Cloud::load_from(&options, &place.at).unwrap_err();
    assert_eq!(error.to_string(), "cloud c has no region z; configured regions: b, a");
}

#[tokio::test]
async fn an_answer_of_another_shape_has_no_endpoint() {
    let service = Service::start().await;
    let place = Place::new(&service, &cloud("", USER));
    for body in [
        "5",
        "[]",
        r#""token""#,
        r#"{"token": 5}"#,
        r#"{"token": ["catalog"]}"#,
        r#"{"token": {"project": 5, "expires_at": 5, "catalog": {}}}"#,
        r#"{"token": {"catalog": [5, {"type": "image", "endpoints": 5}]}}"#,
    ] {
        service.answer(move |_| Some((201, token().1, body.to_owned())));
        let error = place.cloud().identity().unwrap().endpoint().await.unwrap_err();
        assert!(matches!(error, Error::NoEndpoint { .. }), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_version_document_is_not_needed() {
    let service = Service::start().await;
    let decoy = Service::start().await;
    let auth_url = |path: &str| {
        format!("clouds: {{c: {{auth: {{auth_url: '@{path}', username: u, password: p}}}}}}\n")
    };
    let paths = |service: &Service| -> Vec<String> {
        service.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    };
    // With a version at the end, the versions are not requested.
    for path in ["/v3", "/v3/", "/identity/v3", "/v2.0"] {
        Place::new(&service, &auth_url(path)).cloud().identity().unwrap().token().await.unwrap();
        let login =
            format!("POST {}/auth/tokens", path.trim_end_matches('/').replace("v2.0", "v3"));
        assert_eq!(paths(&service), [login]);
    }
    // A refusal, a body without JSON, links to other hosts: v3 is expected at its usual path.
    let elsewhere = json!({"versions": {"values": [
        {"id": "v2.0", "links": [{"rel": "self", "href": format!("{}/v2.0/", decoy.url)}]},
        {"id": "v3.14", "links": [{"rel": "self", "href": format!("{}/v3/", decoy.url)}]},
    ]}});
    let answers: [Answer; 4] = [
        (403, vec![], "{}".into()),
        (404, vec![], "<html>".into()),
        (200, vec![], "welcome".into()),
        (300, vec![("Location", format!("{}/v3/", decoy.url))], elsewhere.to_string()),
    ];
    for answer in answers {
        let shown = answer.clone();
        service.answer(move |asked| (asked.method == "GET").then(|| answer.clone()));
        for path in ["", "/identity/"] {
            let place = Place::new(&service, &auth_url(path));
            place.cloud().identity().unwrap().token().await.unwrap();
            let base = path.trim_end_matches('/');
            let looks = [format!("GET {base}/").replace("//", "/"), format!("GET {base}")];
            let asked = paths(&service);
            assert!(looks.contains(&asked[0]), "{asked:?} {shown:?}");
            assert_eq!(asked[1..], [format!("POST {base}/v3/auth/tokens")], "{shown:?}");
        }
    }
    // A longer path is accepted.
    let below = json!({"versions": {"values": [
        {"id": "v3.14", "links": [{"rel": "self", "href": "http://10.0.0.1/keystone/v3/"}]},
    ]}});
    service.answer(move |asked| (asked.method == "GET").then(|| (300, vec![], below.to_string())));
    Place::new(&service, &auth_url("")).cloud().identity().unwrap().token().await.unwrap();
    assert_eq!(paths(&service), ["GET /", "POST /keystone/v3/auth/tokens"]);
    assert!(decoy.asked().is_empty());
}

#[tokio::test]
async fn redirects_send_a_password_to_no_other_service() {
    let (service, decoy) = (Service::start().await, Service::start().await);
    let place = Place::new(&service, &cloud("", USER));
    service.answer(|asked| {
        let moved = asked.path == "/v3/auth/tokens";
        moved.then(|| (308, vec![("Location", "/identity/v3/auth/tokens".into())], String::new()))
    });
    place.cloud().identity().unwrap().token().await.unwrap();
    assert_eq!(service.asked().len(), 2);

    let elsewhere = format!("{}/v3/auth/tokens", decoy.url);
    service.answer(move |_| Some((307, vec![("Location", elsewhere.clone())], String::new())));
    let error = place.cloud().identity().unwrap().token().await.unwrap_err();
    assert!(matches!(error, Error::Login { answered: false, .. }), "{error:?}");
    assert!(!error.is_transient());
    assert!(decoy.asked().is_empty());

    service.answer(|asked| Some((307, vec![("Location", asked.path.clone())], String::new())));
    let error = place.cloud().identity().unwrap().token().await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
}

/// Responses that redirect to the same path of another service.
fn redirects(to: &Service) -> Vec<impl Fn(&Asked) -> Option<Answer> + Clone + use<>> {
    let redirect = |status: u16| {
        let url = to.url.clone();
        move |asked: &Asked| {
            let place = vec![("Location", format!("{url}{}", asked.path))];
            Some((status, place, String::new()))
        }
    };
    [301, 302, 303, 307, 308].map(redirect).into()
}

#[tokio::test]
async fn redirects_and_links_send_no_secret_to_another_host_or_port() {
    for host in ["127.0.0.1", "127.0.0.2"] {
        let (service, decoy) = (Service::start().await, Service::start_on(host).await);
        let versioned = Place::new(&service, &cloud("", USER));
        let bare = "clouds: {c: {auth: {auth_url: '@', username: u, password: p}}}\n";
        let bare = Place::new(&service, bare);
        for redirect in redirects(&decoy) {
            service.answer(redirect.clone());
            assert!(versioned.cloud().identity().unwrap().token().await.is_err());
            // Only the version document, which is then ignored.
            service.answer(move |asked| (asked.method == "GET").then(|| redirect(asked))?);
            bare.cloud().identity().unwrap().token().await.unwrap();
        }
        let link = json!([{"rel": "self", "href": format!("{}/v3/", decoy.url)}]);
        let version = json!({"id": "v3.14", "status": "stable", "links": link});
        for document in [
            json!({"versions": {"values": [version]}}),
            json!({"versions": [version]}),
            json!({"version": version}),
        ] {
            let answer = (300, vec![], document.to_string());
            service.answer(move |asked| (asked.method == "GET").then(|| answer.clone()));
            bare.cloud().identity().unwrap().token().await.unwrap();
        }
        assert!(decoy.asked().is_empty(), "{host}");
    }
}

#[tokio::test]
async fn a_token_is_sent_only_to_the_image_service_of_the_catalog() {
    for host in ["127.0.0.1", "127.0.0.2"] {
        let (service, decoy) = (Service::start().await, Service::start_on(host).await);
        let image_service = Service::start().await;
        let lines = format!("image_endpoint_override: '{}',", image_service.url);
        let place = Place::new(&service, &cloud(&lines, USER));
        let client = ImageClient::connect(&place.cloud()).await.unwrap();
        for redirect in redirects(&decoy) {
            image_service.answer(redirect);
            assert!(client.image("x").await.is_err());
            assert!(client.delete("x").await.is_err());
            assert!(client.download("x", &DownloadOptions::default()).await.is_err());
        }
        let versions = json!({"versions": [{"id": "v2.17", "status": "CURRENT",
            "links": [{"rel": "self", "href": format!("{}/v2/", decoy.url)}]}]});
        let next = json!({"images": [], "next": format!("{}/v2/images?marker=x", decoy.url)});
        image_service.answer(move |asked| {
            let body = match &*asked.path {
                path if path.contains("marker=x") => json!({"images": []}),
                path if path.starts_with("/v2/") => next.clone(),
                _ => versions.clone(),
            };
            Some((200, vec![], body.to_string()))
        });
        let images: Vec<_> = client.images(&ImageQuery::default()).collect().await;
        assert!(images.is_empty());
        let asked = image_service.asked();
        assert!(asked.len() > 10 && asked.iter().all(|one| one.headers.contains("tok-1")));
        assert!(decoy.asked().is_empty(), "{host}");
    }
}

#[tokio::test]
async fn refusals_and_failures_are_distinguished() {
    let service = Service::start().await;
    let place = Place::new(&service, &cloud("", "username: u, password: hunter2"));
    let keystone = |code: u16| json!({"error": {"code": code, "message": "no"}}).to_string();
    let page = || "<html>busy</html>".to_owned();
    let fails = async |answer: Answer| {
        service.answer(move |_| Some(answer.clone()));
        let error = place.cloud().identity().unwrap().token().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        error
    };
    for answer in
        [(401, vec![], keystone(401)), (401, vec![], page()), (404, vec![], keystone(404))]
    {
        let error = fails(answer).await;
        assert!(matches!(error, Error::LoginRefused { .. }), "{error:?}");
        assert!(!error.is_transient());
    }
    for code in [429, 500, 503] {
        let error = fails((code, vec![("Retry-After", "2".into())], page())).await;
        assert!(matches!(error, Error::Login { answered: true, .. }), "{error:?}");
        assert!(error.is_transient() && error.is_overload());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }
    let passed = vec![("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned())];
    assert_eq!(fails((429, passed, page())).await.retry_after(), Some(Duration::ZERO));
    let ahead = vec![("Retry-After", "Tue, 01 Jan 2999 00:00:00 GMT".to_owned())];
    assert!(fails((429, ahead, page())).await.retry_after() > Some(Duration::from_secs(1 << 30)));
    // Another program than Keystone at this address.
    let error = fails((404, vec![], page())).await;
    assert!(matches!(error, Error::Login { answered: false, .. }), "{error:?}");
    assert!(!error.is_transient());
    let error = fails((201, vec![], "{}".into())).await;
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
}

#[tokio::test]
async fn invalid_settings_are_errors_before_any_request() {
    let service = Service::start().await;
    for (lines, auth, said) in [
        ("", "username: u", "cloud c has no password"),
        ("", "password: p", "cloud c has no username"),
        ("auth_type: v3totp,", "username: u", "cloud c has no passcode"),
        ("auth_type: v3multifactor,", USER, "cloud c has no auth_methods"),
        (
            "auth_type: v3multifactor,",
            "auth_methods: [v3saml], username: u",
            "auth.auth_methods of cloud c is invalid: v3saml cannot be combined with others",
        ),
        (
            "",
            "username: u, password: p, project_name: p, trust_id: t",
            "auth of cloud c is invalid: a token has one scope, not several: project, trust_id",
        ),
        ("interface: side,", USER, "side is not public, internal or admin"),
    ] {
        let place = Place::new(&service, &cloud(lines, auth));
        let error = place.cloud().identity().unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    assert!(service.asked().is_empty());
    // A secret may come from the environment.
    for (lines, auth, variable) in [
        ("", "username: u", "OS_PASSWORD"),
        ("auth_type: v3totp,", "username: u", "OS_PASSCODE"),
        ("", "application_credential_id: i", "OS_APPLICATION_CREDENTIAL_SECRET"),
    ] {
        let place = Place::new(&service, &cloud(lines, auth)).with(variable, "s3cret");
        place.cloud().identity().unwrap().token().await.unwrap();
        assert!(service.asked()[0].body.contains("s3cret"), "{variable}");
    }
}

#[tokio::test]
async fn an_invalid_cloud_does_not_affect_the_others() {
    let service = Service::start().await;
    let text = format!("{}  broken: {{auth: [1, 2]}}\n  other: 5\n", {
        "clouds:\n  c: {auth: {auth_url: '@/v3', username: u, password: p}}\n"
    });
    let place = Place::new(&service, &text);
    place.cloud().identity().unwrap().token().await.unwrap();
    for name in ["broken", "other"] {
        let options = CloudOptions::named(Some(name.into()));
        let error = Cloud::load_from(&options, &place.at).unwrap_err();
        assert!(matches!(error, ConfigError::File { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("clouds.{name}")), "{error}");
    }
}

#[tokio::test]
async fn ignored_settings_are_noted_without_their_values() {
    let service = Service::start().await;
    let lines = "profile: nobody, regoin_name: hunter2, compute_api_version: 2.1,";
    let place = Place::new(&service, &cloud(lines, "username: u, password: p, colour: hunter2"));
    let cloud = place.cloud();
    assert_eq!(
        cloud.notes(),
        [
            "cloud c: unknown profile nobody",
            "clouds.c: unknown keys are ignored: regoin_name, auth.colour",
        ]
    );
    assert!(!format!("{cloud:?}").contains("hunter2"));
}

#[test]
fn debug_shows_no_secret() {
    let options = CloudOptions::named(Some("c".into()))
        .with_setting("username", "u")
        .with_setting("password", "hunter2")
        .with_setting("auth_url", "http://u:hunter2@h/v3")
        .with_setting("endpoint", "http://u:hunter2@h/")
        .with_setting("application_credential_secret", "hunter2")
        .with_setting("token", "hunter2");
    let at = Surroundings::default().with_variable("OS_PASSWORD", "hunter2");
    let cloud = Cloud::load_from(&options.clone().with_setting("auth_type", "password"), &at);
    let shown = format!("{options:?} {at:?} {cloud:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("\"username\": \"u\""), "{shown}");
}

#[tokio::test]
async fn tokens_of_identity_providers_are_exchanged() {
    let (service, provider) = (Service::start().await, Service::start().await);
    let url = provider.url.clone();
    provider.answer(move |asked| {
        let body = match &*asked.path {
            "/.well-known/openid-configuration" => {
                json!({"token_endpoint": format!("{url}/token")})
            }
            _ => json!({"access_token": "provided", "id_token": "identity"}),
        };
        Some((200, Vec::new(), body.to_string()))
    });
    service.answer(|asked| asked.path.contains("/OS-FEDERATION/").then(token));
    let rest = "identity_provider: idp, protocol: openid, project_name: p, project_domain_id: d";
    // A description that names another host: nothing is sent there.
    let (describing, decoy) = (Service::start().await, Service::start_on("127.0.0.2").await);
    let elsewhere = json!({"token_endpoint": format!("{}/token", decoy.url)}).to_string();
    describing.answer(move |_| Some((200, Vec::new(), elsewhere.clone())));
    let auth = format!(
        "client_id: me, client_secret: s, username: u, password: p, discovery_endpoint: '{}/x', {rest}",
        describing.url
    );
    let place = Place::new(&service, &cloud("auth_type: v3oidcpassword,", &auth));
    let error = place.cloud().identity().unwrap().token().await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    assert!(decoy.asked().is_empty() && service.asked().is_empty());
    let client = "client_id: me, client_secret: s";
    let token_at = format!("access_token_endpoint: '{}/token'", provider.url);
    let found_at =
        format!("discovery_endpoint: '{}/.well-known/openid-configuration'", provider.url);
    for (auth_type, auth, bearer, form) in [
        ("v3oidcaccesstoken", "access_token: mine".to_owned(), "mine", None),
        (
            "v3oidcclientcredentials",
            format!("{client}, {token_at}"),
            "provided",
            Some("scope=openid+profile&grant_type=client_credentials"),
        ),
        (
            "v3oidcclientcredentials",
            format!("{client}, {found_at}, access_token_type: id_token, openid_scope: openid"),
            "identity",
            Some("scope=openid&grant_type=client_credentials"),
        ),
        (
            "v3oidcpassword",
            format!("client_id: me, {token_at}, username: u, password: p"),
            "provided",
            Some("scope=openid+profile&grant_type=password&username=u&password=p&client_id=me"),
        ),
    ] {
        let lines = format!("auth_type: {auth_type},");
        let place = Place::new(&service, &cloud(&lines, &format!("{auth}, {rest}")));
        let identity = place.cloud().identity().unwrap();
        assert!(matches!(identity.token().await.unwrap(), Token::Keystone(_)));
        assert_eq!(identity.project().await.unwrap(), Project::Id("p1".into()));
        let asked: [Asked; 2] = service.asked().try_into().unwrap();
        assert_eq!(asked[0].path, "/v3/OS-FEDERATION/identity_providers/idp/protocols/openid/auth");
        assert!(asked[0].headers.contains(&format!("Bearer {bearer}")), "{}", asked[0].headers);
        assert_eq!(asked[1].auth()["identity"]["token"]["id"], "tok-1");
        assert_eq!(asked[1].auth()["scope"]["project"]["domain"]["id"], "d");
        let requests = provider.asked();
        assert_eq!(requests.last().map(|asked| &*asked.body), form);
    }
}
