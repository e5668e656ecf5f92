//! Visibility and permissions of callers.

use imgpush_sandbox::{ADMIN, OTHER_PROJECT_ID, OTHER_USER, READER, USER};
use serde_json::{Value, json};

use crate::{Wire, words};

const NULL: Value = Value::Null;

#[tokio::test]
async fn an_image_is_shared_in_two_steps() {
    let wire = Wire::cloud().await;
    let (token, other) = (wire.login(USER).await, wire.login(OTHER_USER).await);
    let path = wire.image(&token, "data").await;
    let members = format!("{path}/members");
    let member = format!("{members}/{OTHER_PROJECT_ID}");
    assert_eq!(wire.call(&other, "GET", &path, NULL).await.0, 404);

    let body = json!({"member": OTHER_PROJECT_ID});
    let (status, added) = wire.call(&token, "POST", &members, body.clone()).await;
    assert_eq!((status, &added["status"]), (200, &json!("pending")));
    assert_eq!(wire.call(&token, "POST", &members, body).await.0, 409);
    // The project can see it by its id, and has it in its lists once it accepts.
    assert_eq!(wire.call(&other, "GET", &path, NULL).await.0, 200);
    assert_eq!(wire.show(&other, "/v2/images").await["images"], json!([]));

    let accept = json!({"status": "accepted"});
    let refused = wire.call(&token, "PUT", &member, accept.clone()).await;
    assert!(refused.0 == 403 && words(&refused).contains("modify_member"), "{refused:?}");
    assert_eq!(wire.call(&other, "PUT", &member, json!({"status": "maybe"})).await.0, 400);
    assert_eq!(wire.call(&other, "PUT", &member, accept).await.0, 200);
    assert_eq!(wire.show(&other, "/v2/images").await["images"].as_array().unwrap().len(), 1);

    // A member may only read.
    let rename = json!([{"op": "replace", "path": "/name", "value": "mine"}]);
    assert_eq!(wire.call(&other, "PATCH", &path, rename).await.0, 403);
    assert_eq!(wire.call(&other, "DELETE", &member, NULL).await.0, 403);
    assert_eq!(wire.call(&token, "DELETE", &member, NULL).await.0, 204);
    assert_eq!(wire.call(&other, "GET", &path, NULL).await.0, 404);
}

#[tokio::test]
async fn only_shared_images_have_members() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let path = wire.record(&token, json!({"visibility": "private"})).await;
    let members = format!("{path}/members");
    let body = json!({"member": OTHER_PROJECT_ID});
    assert_eq!(wire.call(&token, "POST", &members, body).await.0, 403);
    assert_eq!(wire.call(&token, "GET", &members, NULL).await.0, 403);
    assert_eq!(wire.call(&token, "GET", &format!("{members}/x"), NULL).await.0, 404);
}

#[tokio::test]
async fn readers_can_only_read() {
    let wire = Wire::cloud().await;
    let (token, reader) = (wire.login(USER).await, wire.login(READER).await);
    let path = wire.image(&token, "data").await;
    assert_eq!(wire.call(&reader, "GET", &path, NULL).await.0, 200);
    for (method, call, body) in [
        ("POST", "/v2/images".to_owned(), json!({"name": "x"})),
        ("DELETE", path.clone(), NULL),
        ("PUT", format!("{path}/tags/x"), NULL),
        ("POST", format!("{path}/actions/deactivate"), NULL),
        ("GET", format!("{path}/file"), NULL),
        ("GET", "/v2/tasks".to_owned(), NULL),
        ("GET", "/v2/cache".to_owned(), NULL),
        ("GET", "/v2/info/stores/detail".to_owned(), NULL),
    ] {
        let refused = wire.call(&reader, method, &call, body).await;
        assert!(refused.0 == 403 && words(&refused).contains("not authorized"), "{refused:?}");
    }
}

#[tokio::test]
async fn images_are_made_public_by_admins() {
    let wire = Wire::cloud().await;
    let (token, admin) = (wire.login(USER).await, wire.login(ADMIN).await);
    let other = wire.login(OTHER_USER).await;
    let path = wire.image(&token, "data").await;
    let publish = json!([{"op": "replace", "path": "/visibility", "value": "public"}]);
    let refused = wire.call(&token, "PATCH", &path, publish.clone()).await;
    assert!(refused.0 == 403 && words(&refused).contains("publicize_image"), "{refused:?}");
    assert_eq!(wire.call(&admin, "PATCH", &path, publish).await.0, 200);
    assert_eq!(wire.call(&other, "GET", &path, NULL).await.0, 200);

    // Community images are listed on request.
    let share = json!([{"op": "replace", "path": "/visibility", "value": "community"}]);
    assert_eq!(wire.call(&token, "PATCH", &path, share).await.0, 200);
    let count = async |query: &str| {
        let list = wire.show(&other, &format!("/v2/images{query}")).await;
        list["images"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 0);
    assert_eq!(count("?visibility=community").await, 1);
    assert_eq!(count("?visibility=all").await, 1);
}
