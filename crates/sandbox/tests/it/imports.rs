//! Imports: the states of an image for every method.

use std::time::Duration;

use imgpush_sandbox::{ADMIN, Fault, Operation, USER};
use serde_json::{Value, json};

use crate::{Wire, words};

async fn staged(wire: &Wire, token: &str, more: Value) -> String {
    let path = wire.record(token, more).await;
    assert_eq!(wire.send(token, &format!("{path}/stage"), "data").await.0, 204);
    path
}

async fn import(wire: &Wire, token: &str, path: &str, body: Value) {
    let answer = wire.call(token, "POST", &format!("{path}/import"), body).await;
    assert_eq!(answer.0, 202, "{answer:?}");
}

#[tokio::test]
async fn a_direct_import_has_its_sequence_of_statuses() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let path = staged(&wire, &token, Value::Null).await;
    assert_eq!(wire.show(&token, &path).await["size"], 4);
    let body = json!({"method": {"name": "glance-direct"}, "all_stores": true});
    import(&wire, &token, &path, body).await;
    let (image, seen) = wire.settled(&token, &path).await;
    assert_eq!(seen, ["uploading", "importing", "active"]);
    assert_eq!(image["stores"], "fast,slow");
    assert_eq!(image["os_glance_importing_to_stores"], "");
    assert_eq!(image["os_glance_failed_import"], "");
    assert!(image["os_hash_value"].is_string());

    let tasks = wire.show(&token, &format!("{path}/tasks")).await;
    assert_eq!(tasks["tasks"][0]["status"], "success");
    assert_eq!(tasks["tasks"][0]["message"], "Copied 0 MiB");
    assert_eq!(tasks["tasks"][0]["input"]["backend"], json!(["fast", "slow"]));
}

#[tokio::test]
async fn a_failed_direct_import_stays_importing() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let path = staged(&wire, &token, json!({"disk_format": "qcow2"})).await;
    let body = json!({"method": {"name": "glance-direct"}, "stores": ["fast", "slow"]});
    import(&wire, &token, &path, body).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!(image["status"], "importing");
    assert_eq!(image["os_glance_failed_import"], "fast");
    assert_eq!(image["os_glance_importing_to_stores"], "slow");
    let again = json!({"method": {"name": "glance-direct"}});
    assert_eq!(wire.call(&token, "POST", &format!("{path}/import"), again).await.0, 409);
}

#[tokio::test]
async fn one_successful_store_is_enough_if_requested() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let body = |stores: Value, must: bool| {
        json!({
            "method": {"name": "glance-direct"},
            "stores": stores,
            "all_stores_must_succeed": must,
        })
    };
    // The store for web servers accepts no data.
    let path = staged(&wire, &token, Value::Null).await;
    import(&wire, &token, &path, body(json!(["fast", "web"]), false)).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!((&image["status"], &image["stores"]), (&json!("active"), &json!("fast")));
    assert_eq!(image["os_glance_failed_import"], "web");

    let path = staged(&wire, &token, Value::Null).await;
    import(&wire, &token, &path, body(json!(["web"]), false)).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!((&image["status"], &image["size"]), (&json!("queued"), &Value::Null));

    let path = staged(&wire, &token, Value::Null).await;
    import(&wire, &token, &path, body(json!(["fast", "web"]), true)).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!((&image["status"], &image["size"]), (&json!("importing"), &Value::Null));
    assert_eq!(image.get("stores"), None);
}

#[tokio::test]
async fn data_is_fetched_from_the_web() {
    let wire = Wire::cloud().await;
    let other = Wire::open().await;
    let source = other.image("", "from the web").await;
    let token = wire.login(USER).await;
    let path = wire.record(&token, Value::Null).await;
    let uri = format!("{}{source}/file", other.scene.image_url());
    import(&wire, &token, &path, json!({"method": {"name": "web-download", "uri": uri}})).await;
    let (image, seen) = wire.settled(&token, &path).await;
    assert_eq!(seen, ["queued", "importing", "active"]);
    assert_eq!(image["os_hash_value"], other.show("", &source).await["os_hash_value"]);

    let missing = format!("{}/nothing", other.scene.image_url());
    let path = wire.record(&token, Value::Null).await;
    import(&wire, &token, &path, json!({"method": {"name": "web-download", "uri": missing}})).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!(image["status"], "queued");
    assert_eq!(image["os_glance_failed_import"], "fast");

    let elsewhere = json!({"method": {"name": "web-download", "uri": "http://10.0.0.1/x"}});
    let refused = wire.call(&token, "POST", &format!("{path}/import"), elsewhere).await;
    assert!(refused.0 == 400 && words(&refused).contains("does not pass filtering"), "{refused:?}");
}

#[tokio::test]
async fn another_region_is_the_service_itself() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let more = json!({"os_distro": "debian", "note": "stays"});
    let source = wire.record(&token, more).await;
    assert_eq!(wire.send(&token, &format!("{source}/file"), "data").await.0, 204);
    let id = source.rsplit('/').next().unwrap();
    let method = |region: &str, id: &str| json!({"method": {"name": "glance-download", "glance_region": region, "glance_image_id": id}});
    let path = wire.record(&token, json!({"disk_format": "qcow2"})).await;
    import(&wire, &token, &path, method("RegionTwo", id)).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!((&image["status"], &image["disk_format"]), (&json!("active"), &json!("raw")));
    assert_eq!((&image["os_distro"], image.get("note")), (&json!("debian"), None));

    let path = wire.record(&token, json!({"disk_format": "qcow2"})).await;
    import(&wire, &token, &path, method("Nowhere", id)).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!((&image["status"], &image["disk_format"]), (&json!("queued"), &json!("qcow2")));
    // The step that looks up the source does not change the list of stores.
    assert_eq!(image["os_glance_importing_to_stores"], "fast");
    assert_eq!(image["os_glance_failed_import"], "");

    let path = wire.record(&token, json!({"disk_format": "qcow2"})).await;
    let mut body = method("RegionTwo", id);
    body["stores"] = json!(["web"]);
    import(&wire, &token, &path, body).await;
    let (image, _) = wire.settled(&token, &path).await;
    // Copied properties stay.
    assert_eq!((&image["status"], &image["disk_format"]), (&json!("queued"), &json!("raw")));
    assert_eq!(
        (&image["os_distro"], &image["os_glance_failed_import"]),
        (&json!("debian"), &json!("web"))
    );
}

#[tokio::test]
async fn import_faults_fail_and_delay_imports() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let body = json!({"method": {"name": "glance-direct"}});
    let path = staged(&wire, &token, Value::Null).await;
    wire.scene.sandbox().inject(Operation::Import, Fault::ImportFails);
    import(&wire, &token, &path, body.clone()).await;
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!(image["os_glance_failed_import"], "fast");
    let tasks = wire.show(&token, &format!("{path}/tasks")).await;
    assert_eq!(tasks["tasks"][0]["message"], "Task failed due to Internal Error");

    let path = staged(&wire, &token, Value::Null).await;
    wire.scene.sandbox().inject(Operation::Import, Fault::ImportSlow(Duration::from_secs(60)));
    import(&wire, &token, &path, body.clone()).await;
    wire.until_status(&token, &path, "importing").await;
    assert_eq!(wire.call(&token, "DELETE", &path, Value::Null).await.0, 204);
}

#[tokio::test]
async fn copies_are_for_admins_and_leave_the_image_active() {
    let wire = Wire::cloud().await;
    let (token, admin) = (wire.login(USER).await, wire.login(ADMIN).await);
    let path = wire.image(&token, "data").await;
    let body = json!({"method": {"name": "copy-image"}, "stores": ["slow"]});
    let refused = wire.call(&token, "POST", &format!("{path}/import"), body.clone()).await;
    assert!(refused.0 == 403 && words(&refused).contains("copy_image"), "{refused:?}");
    import(&wire, &admin, &path, body.clone()).await;
    let (image, seen) = wire.settled(&token, &path).await;
    assert_eq!((seen, &image["stores"]), (vec!["active".to_owned()], &json!("fast,slow")));
    let present = wire.call(&admin, "POST", &format!("{path}/import"), body).await;
    assert!(words(&present).contains("already present at store 'slow'"), "{present:?}");
    // The task belongs to the admin's project.
    assert_eq!(wire.show(&token, &format!("{path}/tasks")).await, json!({"tasks": []}));
}

#[tokio::test]
async fn registered_data_must_have_the_declared_hash() {
    let wire = Wire::cloud().await;
    let other = Wire::open().await;
    let source = other.image("", "on a web server").await;
    let hash = other.show("", &source).await["os_hash_value"].clone();
    let url = format!("{}{source}/file", other.scene.image_url());
    let token = wire.login(USER).await;
    let body = |hash: &Value| {
        json!({
            "url": url,
            "validation_data": {"os_hash_algo": "sha512", "os_hash_value": hash},
        })
    };
    let path = wire.record(&token, Value::Null).await;
    let locations = format!("{path}/locations");
    assert_eq!(wire.call(&token, "POST", &locations, body(&hash)).await.0, 202);
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!((&image["status"], &image["stores"]), (&json!("active"), &json!("web")));
    assert_eq!((&image["size"], &image["os_hash_value"]), (&json!(15), &hash));
    assert_eq!(wire.call(&token, "GET", &locations, Value::Null).await.0, 403);

    let path = wire.record(&token, Value::Null).await;
    let wrong = body(&json!("0".repeat(128)));
    assert_eq!(wire.call(&token, "POST", &format!("{path}/locations"), wrong).await.0, 202);
    let (image, _) = wire.settled(&token, &path).await;
    assert_eq!((&image["status"], &image["os_hash_value"]), (&json!("queued"), &Value::Null));
    // The location stays, so adding it again fails.
    assert_eq!(image["stores"], "web");
    assert_eq!(wire.call(&token, "POST", &format!("{path}/locations"), body(&hash)).await.0, 202);
    assert_eq!(wire.settled(&token, &path).await.0["status"], "queued");
}
