//! Methods, versions, ranges, limits and restarts.

use imgpush_sandbox::{ADMIN, USER};
use imgpush_scene::Scene;
use serde_json::{Value, json};

use crate::{Wire, words};

const NULL: Value = Value::Null;

impl Wire {
    /// The status and a header of a response to a request without a body.
    async fn header(
        &self,
        token: &str,
        method: &str,
        path: &str,
        (sent, value): (&str, &str),
        wanted: &str,
    ) -> (u16, String) {
        // Redirects are of interest themselves.
        let http =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let url = format!("{}{path}", self.scene.image_url());
        let request = http.build().unwrap().request(method.parse().unwrap(), url);
        let request = request.header("x-auth-token", token).header(sent, value);
        let response = request.send().await.unwrap();
        let found = response.headers().get(wanted).map_or("", |value| value.to_str().unwrap());
        (response.status().as_u16(), found.to_owned())
    }
}

#[tokio::test]
async fn methods_are_those_of_glance() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    for (method, path, status, allow) in [
        ("HEAD", "/v2/images", 405, "GET, POST"),
        ("PUT", "/v2/images", 405, "GET, POST"),
        ("HEAD", "/v2/images/x", 405, "GET, PATCH, DELETE"),
        ("PATCH", "/v2/metadefs/namespaces/n/objects/o", 405, "GET, PUT, DELETE"),
        ("HEAD", "/v2/metadefs/namespaces/n/tags/t", 405, "GET, POST, PUT, DELETE"),
        ("GET", "/v2/metadefs/namespaces/n/resource_types/t", 405, "DELETE"),
        ("PATCH", "/v2/info/usage", 404, ""),
        ("OPTIONS", "/v2/images", 200, ""),
        ("OPTIONS", "/v2/nothing", 200, ""),
    ] {
        let found = wire.header(&token, method, path, ("accept", "*/*"), "allow").await;
        assert_eq!(found, (status, allow.to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn versions_are_listed_for_unknown_paths() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let base = wire.scene.image_url().to_owned();
    for (path, status) in
        [("/", 300), ("/v1", 300), ("/v1/images", 300), ("/x", 300), ("/versions/", 200)]
    {
        let (found, body) = wire.call("", "GET", path, NULL).await;
        assert_eq!((found, &body["versions"][0]["id"]), (status, &json!("v2.18")), "{path}");
    }
    let moved = wire.header(&token, "GET", "/v2", ("accept", "*/*"), "location").await;
    assert_eq!(moved, (302, format!("{base}/v2/")));
    assert_eq!(wire.call(&token, "GET", "/v2/", NULL).await.0, 404);
}

#[tokio::test]
async fn a_content_range_of_a_request_is_a_range() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let path = format!("{}/file", wire.image(&token, "0123456789").await);
    for (sent, value, status, range) in [
        ("content-range", "bytes 2-4/10", 206, "bytes 2-4/10"),
        ("content-range", "bytes 2-4/*", 206, "bytes 2-4/10"),
        ("content-range", "bytes 2-40/10", 416, ""),
        ("content-range", "bytes 12-14/20", 416, ""),
        ("content-range", "x", 416, ""),
        ("range", "bytes=-3", 206, "bytes 7-9/10"),
        ("range", "bytes=-0", 206, "bytes 0-9/10"),
    ] {
        let found = wire.header(&token, "GET", &path, (sent, value), "content-range").await;
        assert_eq!(found, (status, range.to_owned()), "{sent}: {value}");
    }
}

#[tokio::test]
async fn numbers_and_texts_have_the_limits_of_the_database() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    for body in [json!({"min_disk": 1u64 << 31}), json!({"min_ram": u64::MAX})] {
        let refused = wire.call(&token, "POST", "/v2/images", body).await;
        let expected = "value out of range, must not exceed 2147483647.";
        assert!(refused.0 == 400 && words(&refused).contains(expected), "{refused:?}");
    }
    let most = json!({"min_disk": (1u64 << 31) - 1});
    assert_eq!(wire.call(&token, "POST", "/v2/images", most).await.0, 201);
    for body in [json!({"tags": ["😀"]}), json!({"foo": "😀"}), json!({"name": "😀"})] {
        let refused = wire.call(&token, "POST", "/v2/images", body).await;
        assert!(refused.0 == 400 && words(&refused).contains("4 byte unicode"), "{refused:?}");
    }
    let (status, image) =
        wire.call(&token, "POST", "/v2/images", json!({"os_hash_algo": "md5"})).await;
    assert_eq!((status, &image["os_hash_algo"]), (201, &NULL));
    // A path is read as Latin-1, a body as UTF-8.
    let path = wire.record(&token, json!({"tags": ["ü"]})).await;
    assert_eq!(wire.call(&token, "PUT", &format!("{path}/tags/%C3%BC"), NULL).await.0, 204);
    assert_eq!(wire.show(&token, &path).await["tags"], json!(["ü", "Ã¼"]));
    assert_eq!(wire.call(&token, "DELETE", &format!("{path}/tags/%C3%BC"), NULL).await.0, 204);
    assert_eq!(wire.show(&token, &path).await["tags"], json!(["ü"]));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    let body = json!({"name": "x".repeat(5 << 20)});
    assert_eq!(wire.call(&token, "POST", "/v2/images", body.clone()).await.0, 413);
    assert_eq!(wire.call(&token, "POST", "/v3/auth/tokens", body).await.0, 413);
}

#[tokio::test]
async fn data_of_another_format_is_refused() {
    let wire = Wire::cloud().await;
    let token = wire.login(USER).await;
    for format in ["vmdk", "vdi", "vhd", "vhdx", "iso", "qcow2"] {
        let path = wire.record(&token, json!({"disk_format": format})).await;
        let refused = wire.send(&token, &format!("{path}/file"), "garbage").await;
        let expected = format!("disk_format {format} does not match stream data raw");
        assert!(refused.0 == 415 && words(&refused).contains(&expected), "{refused:?}");
        assert_eq!(wire.show(&token, &path).await["status"], "queued");
    }
}

#[tokio::test]
async fn an_old_task_imports_from_the_web() {
    let wire = Wire::cloud().await;
    let (admin, user) = (wire.login(ADMIN).await, wire.login(USER).await);
    // The service itself is the web server.
    let url = format!("{}/healthcheck", wire.scene.image_url());
    let properties = json!({"name": "old", "disk_format": "raw", "container_format": "bare"});
    let input = json!({
        "import_from": url, "import_from_format": "raw", "image_properties": properties,
    });
    let body = json!({"type": "import", "input": input});
    assert_eq!(wire.call(&user, "POST", "/v2/tasks", body.clone()).await.0, 403);
    let (status, task) = wire.call(&admin, "POST", "/v2/tasks", body).await;
    assert_eq!((status, &task["status"]), (201, &json!("pending")));
    let ended = |task: &Value| matches!(task["status"].as_str(), Some("success" | "failure"));
    let task = wire.until(&admin, task["self"].as_str().unwrap(), ended).await;
    assert_eq!(task["status"], "success", "{task}");
    let id = task["result"]["image_id"].as_str().unwrap();
    let image = wire.show(&admin, &format!("/v2/images/{id}")).await;
    assert_eq!((&image["status"], &image["size"]), (&json!("active"), &json!(2)));

    for (source, expected) in [
        ("file:///etc/passwd", "File based imports are not allowed"),
        ("http://images.example/x", "Invalid location: http://images.example/x"),
    ] {
        let body = json!({"type": "import", "input": {"import_from": source}});
        let refused = wire.call(&admin, "POST", "/v2/tasks", body).await;
        assert!(refused.0 == 400 && words(&refused).contains(expected), "{refused:?}");
    }
}

#[test]
fn definitions_tasks_and_the_cache_outlive_a_restart() {
    let scene = Scene::builder().start_blocking();
    let mut wire = Wire::of(scene);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = runtime.block_on(async {
        let (admin, user) = (wire.login(ADMIN).await, wire.login(USER).await);
        let namespace = json!({"namespace": "n", "tags": [{"name": "t"}]});
        assert_eq!(wire.call(&admin, "POST", "/v2/metadefs/namespaces", namespace).await.0, 201);
        let path = wire.record(&user, NULL).await;
        assert_eq!(wire.send(&user, &format!("{path}/stage"), "data").await.0, 204);
        let direct = json!({"method": {"name": "glance-direct"}});
        assert_eq!(wire.call(&user, "POST", &format!("{path}/import"), direct).await.0, 202);
        wire.settled(&user, &path).await;
        let id = path.rsplit('/').next().unwrap();
        assert_eq!(wire.call(&admin, "PUT", &format!("/v2/cache/{id}"), NULL).await.0, 202);
        path
    });
    wire.scene.kill_service();
    wire.scene.start_service();
    runtime.block_on(async {
        let (admin, user) = (wire.login(ADMIN).await, wire.login(USER).await);
        let namespace = wire.show(&admin, "/v2/metadefs/namespaces/n").await;
        assert_eq!(namespace["tags"], json!([{"name": "t"}]));
        let tasks = wire.show(&user, &format!("{path}/tasks")).await;
        assert_eq!(tasks["tasks"][0]["status"], "success", "{tasks}");
        let cached = wire.show(&admin, "/v2/cache").await;
        assert!(path.ends_with(cached["cached_images"][0]["image_id"].as_str().unwrap()));
    });
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_is_not_followed() {
    let wire = Wire::of(Scene::builder().start_blocking());
    let secret = wire.scene.write("outside", "outside");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let token = wire.login(USER).await;
        let path = wire.image(&token, "data").await;
        let id = path.rsplit('/').next().unwrap();
        let data = wire.scene.path(format!("images/{id}.data"));
        std::fs::remove_file(&data).unwrap();
        std::os::unix::fs::symlink(&secret, &data).unwrap();
        let (status, body) = wire.call(&token, "GET", &format!("{path}/file"), NULL).await;
        assert_eq!(status, 500, "{body}");
        let record = wire.record(&token, NULL).await;
        let id = record.rsplit('/').next().unwrap();
        let data = wire.scene.path(format!("images/{id}.data"));
        std::os::unix::fs::symlink(&secret, &data).unwrap();
        assert_eq!(wire.send(&token, &format!("{record}/file"), "new").await.0, 500);
        assert_eq!(wire.scene.read("outside"), b"outside");
    });
}
