//! Stores, tags and properties, the cache, and refusals.

use imgpush_sandbox::{ADMIN, USER};
use imgpush_scene::Scene;
use serde_json::{Value, json};

use crate::{Wire, words};

const NULL: Value = Value::Null;

#[tokio::test]
async fn data_is_removed_from_a_store_but_not_from_the_last() {
    let wire = Wire::cloud().await;
    let (token, admin) = (wire.login(USER).await, wire.login(ADMIN).await);
    let path = wire.image(&token, "data").await;
    let id = path.rsplit('/').next().unwrap();
    let copy = json!({"method": {"name": "copy-image"}, "all_stores": true});
    assert_eq!(wire.call(&admin, "POST", &format!("{path}/import"), copy).await.0, 202);
    assert_eq!(wire.settled(&token, &path).await.0["stores"], "fast,slow");
    let from = async |token: &str, store: &str| {
        wire.call(token, "DELETE", &format!("/v2/stores/{store}/{id}"), NULL).await.0
    };
    assert_eq!(from(&token, "fast").await, 403);
    assert_eq!(from(&admin, "zip").await, 409);
    assert_eq!(from(&admin, "web").await, 404);
    assert_eq!(from(&admin, "fast").await, 204);
    assert_eq!(from(&admin, "slow").await, 403);
    assert_eq!(wire.show(&token, &path).await["stores"], "slow");
}

#[tokio::test]
async fn the_stores_of_a_deactivated_image_are_for_administrators() {
    let wire = Wire::cloud().await;
    let (token, admin) = (wire.login(USER).await, wire.login(ADMIN).await);
    let path = wire.image(&token, "data").await;
    let call = format!("{path}/actions/deactivate");
    assert_eq!(wire.call(&token, "POST", &call, NULL).await.0, 204);
    assert_eq!(wire.show(&token, &path).await.get("stores"), None);
    assert_eq!(wire.show(&token, "/v2/images").await["images"][0].get("stores"), None);
    assert_eq!(wire.show(&admin, &path).await["stores"], "fast");
    let call = format!("{path}/actions/reactivate");
    assert_eq!(wire.call(&token, "POST", &call, NULL).await.0, 204);
    assert_eq!(wire.show(&token, &path).await["stores"], "fast");
}

#[tokio::test]
async fn without_multi_store_there_are_no_stores() {
    let scene = Scene::builder().without_login().sandbox(|options| options.with_stores([""; 0]));
    let wire = Wire::of(scene.start().await);
    let path = wire.image("", "data").await;
    assert_eq!(wire.show("", &path).await.get("stores"), None);
    let id = path.rsplit('/').next().unwrap();
    for (method, call) in
        [("GET", "/v2/info/stores".to_owned()), ("DELETE", format!("/v2/stores/fast/{id}"))]
    {
        assert_eq!(wire.call("", method, &call, NULL).await.0, 404, "{call}");
    }
    let path = wire.record("", NULL).await;
    assert_eq!(wire.send("", &format!("{path}/stage"), "data").await.0, 204);
    let import = json!({"method": {"name": "glance-direct"}});
    assert_eq!(wire.call("", "POST", &format!("{path}/import"), import).await.0, 202);
    let (image, _) = wire.settled("", &path).await;
    assert_eq!((&image["status"], &image["size"]), (&json!("active"), &json!(4)));
}

#[tokio::test]
async fn tags_and_properties_have_limits() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let tags: Vec<String> = (0..128).map(|number| format!("t{number}")).collect();
    let path = wire.record(&token, json!({"tags": tags})).await;
    let tag = format!("{path}/tags/t128");
    assert_eq!(wire.call(&token, "PUT", &tag, NULL).await.0, 413);
    assert_eq!(wire.call(&token, "DELETE", &format!("{path}/tags/t0"), NULL).await.0, 204);
    assert_eq!(wire.call(&token, "DELETE", &format!("{path}/tags/t0"), NULL).await.0, 404);
    assert_eq!(wire.call(&token, "PUT", &tag, NULL).await.0, 204);
    let add = |number| json!({"op": "add", "path": format!("/p{number}"), "value": "v"});
    let properties: Value = (0..129).map(add).collect();
    assert_eq!(wire.call(&token, "PATCH", &path, properties).await.0, 413);
}

#[tokio::test]
async fn the_cache_is_for_admins() {
    let wire = Wire::cloud().await;
    let (token, admin) = (wire.login(USER).await, wire.login(ADMIN).await);
    let path = wire.image(&token, "data").await;
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(wire.call(&token, "PUT", &format!("/v2/cache/{id}"), NULL).await.0, 403);
    assert_eq!(wire.call(&admin, "PUT", &format!("/v2/cache/{id}"), NULL).await.0, 202);
    let cache = wire.show(&admin, "/v2/cache").await;
    assert_eq!(cache["cached_images"][0]["image_id"], id);
    let nodes = wire.show(&admin, &format!("/v2/cache/nodes/{id}")).await;
    assert_eq!(nodes, json!([wire.scene.image_url()]));
    assert_eq!(wire.call(&admin, "DELETE", "/v2/cache", NULL).await.0, 204);
    assert_eq!(wire.show(&admin, "/v2/cache").await["cached_images"], json!([]));
}

#[tokio::test]
async fn refusals_have_the_messages_of_glance() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let path = wire.record(&token, NULL).await;
    let change =
        |op: &str, path: &str, value: Value| json!([{"op": op, "path": path, "value": value}]);
    for (body, status, expected) in [
        (
            change("add", "/tags/0", json!("x")),
            400,
            "Invalid JSON pointer for this resource: '/tags/0'",
        ),
        (change("move", "/b", NULL), 400, "Invalid operation: `move`"),
        (change("replace", "/owner", json!("x")), 403, "Owner can't be updated by non admin."),
        (change("replace", "/size", json!(1)), 403, "Attribute 'size' is read-only."),
        (change("add", "/os_glance_x", json!("x")), 403, "Attribute 'os_glance_x' is reserved."),
        (change("remove", "/name", NULL), 403, "Property name may not be removed."),
        (change("replace", "/zzz", json!("x")), 409, "Property zzz does not exist."),
        (change("add", "/locations/-", json!({})), 403, "locations are invisible"),
        (change("add", "/x", json!(5)), 400, "5 is not of type 'string'"),
    ] {
        let refused = wire.call(&token, "PATCH", &path, body).await;
        assert!(refused.0 == status && words(&refused).contains(expected), "{refused:?}");
    }
    // The log contains the details of each request.
    wire.call(&token, "GET", "/v2/images?name=a%20b&limit=1", NULL).await;
    let journal = wire.scene.sandbox().journal();
    assert_eq!(journal.last().unwrap().query.as_deref(), Some("name=a%20b&limit=1"));
}
