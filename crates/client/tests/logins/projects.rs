//! The search for a project by name or id: the requests of openstackclient, and what their answers mean.

use imgpush_client::Error;
use serde_json::{Value, json};

use super::service::{Answer, Asked, Service};
use super::{Place, USER, cloud};

/// The login, with this catalog and a project with a name.
fn login(catalog: &Value) -> Answer {
    let domain = json!({"id": "d1", "name": "Domain One"});
    let token = json!({"token": {
        "expires_at": "2999-01-01T00:00:00.000000Z",
        "project": {"id": "p1", "name": "own", "domain": domain},
        "catalog": catalog,
    }});
    (201, vec![("X-Subject-Token", "tok-1".to_owned())], token.to_string())
}

fn answer(status: u16, body: &Value) -> Option<Answer> {
    Some((status, Vec::new(), body.to_string()))
}

/// An Identity service that an administrator uses: three projects, two with the same name.
fn administrators(asked: &Asked) -> Option<Answer> {
    let project = |id: &str, name: &str| json!({"id": id, "name": name});
    match &*asked.path {
        "/v3/auth/tokens" => Some(login(&json!([]))),
        "/v3/projects/p7" => answer(200, &json!({"project": project("p7", "seven")})),
        "/v3/projects?name=seven" => answer(200, &json!({"projects": [project("p7", "seven")]})),
        "/v3/projects?name=twin" => {
            answer(200, &json!({"projects": [project("p8", "twin"), project("p9", "twin")]}))
        }
        "/v3/domains?name=D+two" => {
            answer(200, &json!({"domains": [{"id": "d2", "name": "D two"}]}))
        }
        "/v3/projects?name=twin&domain_id=d2" => {
            answer(200, &json!({"projects": [project("p9", "twin")]}))
        }
        path if path.contains("?name=") => answer(200, &json!({"projects": [], "domains": []})),
        _ => answer(404, &json!({"error": {"code": 404, "message": "Could not find it."}})),
    }
}

/// An Identity service that refuses to look up anything.
fn members(asked: &Asked) -> Option<Answer> {
    match &*asked.path {
        "/v3/auth/tokens" => Some(login(&json!([]))),
        _ => answer(403, &json!({"error": {"code": 403, "message": "You are not authorized."}})),
    }
}

async fn find(service: &Service, name: &str, domain: Option<&str>) -> Result<String, Error> {
    let place = Place::new(service, &cloud("", USER));
    place.cloud().identity().unwrap().find_project(name, domain).await
}

/// The requests after the login.
fn lookups(service: &Service) -> Vec<String> {
    let asked = service.asked();
    asked.iter().filter(|asked| asked.method == "GET").map(|asked| asked.path.clone()).collect()
}

#[tokio::test]
async fn a_project_is_found_by_its_id_then_by_its_name() {
    let service = Service::start().await;
    service.answer(administrators);
    assert_eq!(find(&service, "p7", None).await.unwrap(), "p7");
    assert_eq!(lookups(&service), ["/v3/projects/p7"]);
    assert_eq!(find(&service, "seven", None).await.unwrap(), "p7");
    assert_eq!(lookups(&service), ["/v3/projects/seven", "/v3/projects?name=seven"]);
    assert_eq!(find(&service, "twin", Some("D two")).await.unwrap(), "p9");
    assert_eq!(
        lookups(&service),
        [
            "/v3/domains/D%20two",
            "/v3/domains?name=D+two",
            "/v3/projects/twin",
            "/v3/projects?name=twin&domain_id=d2",
        ]
    );
    // The project of the login needs no request.
    assert_eq!(find(&service, "p1", None).await.unwrap(), "p1");
    assert!(lookups(&service).is_empty());
}

#[tokio::test]
async fn a_missing_and_an_ambiguous_name_are_errors() {
    let service = Service::start().await;
    service.answer(administrators);
    let error = find(&service, "nine", None).await.unwrap_err();
    assert_eq!(error.to_string(), "no project has the name or id nine");
    let error = find(&service, "seven", Some("nowhere")).await.unwrap_err();
    assert_eq!(error.to_string(), "no domain has the name or id nowhere");
    let error = find(&service, "twin", None).await.unwrap_err();
    assert_eq!(error.to_string(), "several projects are named twin: p8, p9");
}

#[tokio::test]
async fn without_the_right_to_look_up_projects_the_text_is_an_id_or_the_own_name() {
    let service = Service::start().await;
    service.answer(members);
    for (name, domain, found) in [
        ("5c3f", None, "5c3f"),
        ("other", None, "other"),
        ("own", None, "p1"),
        ("own", Some("Domain One"), "p1"),
        ("own", Some("d1"), "p1"),
        ("own", Some("Domain Two"), "own"),
    ] {
        assert_eq!(find(&service, name, domain).await.unwrap(), found, "{name} {domain:?}");
    }
}

#[tokio::test]
async fn the_identity_service_of_the_catalog_is_used_and_a_refused_token_renewed() {
    let (service, other) = (Service::start().await, Service::start().await);
    let url = other.url.clone();
    service.answer(move |asked| {
        let endpoint =
            json!({"interface": "public", "region": "elsewhere", "url": format!("{url}/identity")});
        let catalog = json!([{"type": "identity", "name": "keystone", "endpoints": [endpoint]}]);
        asked.path.ends_with("/auth/tokens").then(|| {
            let (status, mut headers, body) = login(&catalog);
            // Each login has a token of its own.
            headers[0].1 = format!("tok-{}", serial());
            (status, headers, body)
        })
    });
    let count = std::sync::atomic::AtomicUsize::new(0);
    other.answer(move |_| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => answer(401, &json!({"error": {"code": 401, "message": "The token has expired."}})),
        _ => answer(200, &json!({"project": {"id": "p7", "name": "seven"}})),
    });
    assert_eq!(find(&service, "seven", None).await.unwrap(), "p7");
    assert_eq!(service.asked().len(), 2, "two logins");
    assert_eq!(lookups(&other), ["/identity/v3/projects/seven"; 2]);

    other.answer(|_| answer(500, &json!({"error": {"message": "The service has failed."}})));
    let error = find(&service, "seven", None).await.unwrap_err();
    assert!(error.is_transient() && error.is_overload(), "{error:?}");
}

/// The number of the login.
fn serial() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}
