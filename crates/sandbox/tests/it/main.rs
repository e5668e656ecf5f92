//! The service over HTTP.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod faults;
mod identity;
mod imports;
mod lists;
mod metadefs;
mod protocol;
mod sharing;
mod stores;

use std::time::Duration;

use imgpush_sandbox::PASSWORD;
use imgpush_scene::Scene;
use serde_json::{Value, json};

/// A service, and a client of raw requests that shares no code with this workspace's client.
struct Wire {
    scene: Scene,
    http: reqwest::Client,
}

/// Status and body of a response.
type Answer = (u16, Value);

impl Wire {
    fn of(scene: Scene) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Wire { scene, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// A service with tokens.
    async fn cloud() -> Self {
        Wire::of(Scene::start().await)
    }

    async fn open() -> Self {
        Wire::of(Scene::start_open().await)
    }

    async fn login(&self, user: &str) -> String {
        let user = json!({"name": user, "domain": {"id": "default"}, "password": PASSWORD});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let request = self
            .http
            .post(format!("{}/auth/tokens", self.scene.auth_url()))
            .json(&json!({"auth": {"identity": identity}}));
        let response = request.send().await.unwrap();
        response.headers()["x-subject-token"].to_str().unwrap().to_owned()
    }

    /// One call with a JSON body, or without a body.
    async fn call(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        let method = method.parse().unwrap();
        let url = format!("{}{path}", self.scene.image_url());
        let mut request = self.http.request(method, url).header("accept", "application/json");
        request = request.header("x-auth-token", token);
        if !body.is_null() {
            let is_patch =
                body.as_array().is_some_and(|list| list.iter().any(|o| o["op"].is_string()));
            let media_type = match is_patch {
                true => "application/openstack-images-v2.1-json-patch",
                false => "application/json",
            };
            request = request.header("content-type", media_type).body(body.to_string());
        }
        answer(request).await
    }

    async fn send(&self, token: &str, path: &str, data: impl Into<reqwest::Body>) -> Answer {
        let url = format!("{}{path}", self.scene.image_url());
        let request = self.http.put(url).header("content-type", "application/octet-stream");
        let request = request.header("accept", "application/json").header("x-auth-token", token);
        answer(request.body(data)).await
    }

    /// Creates a raw image and returns its path.
    async fn record(&self, token: &str, more: Value) -> String {
        let mut body = json!({"name": "probe", "disk_format": "raw", "container_format": "bare"});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let (status, image) = self.call(token, "POST", "/v2/images", body).await;
        assert_eq!(status, 201, "{image}");
        image["self"].as_str().unwrap().to_owned()
    }

    /// Creates a raw image with data.
    async fn image(&self, token: &str, data: &'static str) -> String {
        let path = self.record(token, Value::Null).await;
        assert_eq!(self.send(token, &format!("{path}/file"), data).await.0, 204);
        path
    }

    async fn show(&self, token: &str, path: &str) -> Value {
        self.call(token, "GET", path, Value::Null).await.1
    }

    /// Waits until no task locks the image; returns it with all statuses seen until then.
    async fn settled(&self, token: &str, path: &str) -> (Value, Vec<String>) {
        let mut seen: Vec<String> = Vec::new();
        let poll = self.until(token, path, |image| {
            let status = image["status"].as_str().unwrap().to_owned();
            if seen.last() != Some(&status) {
                seen.push(status);
            }
            image.get("os_glance_import_task").is_none()
        });
        let image = poll.await;
        (image, seen)
    }

    async fn until_status(&self, token: &str, path: &str, status: &str) {
        self.until(token, path, |image| image["status"] == status).await;
    }

    /// Polls the image until the condition holds, for at most 20 s.
    async fn until(
        &self,
        token: &str,
        path: &str,
        mut is_there: impl FnMut(&Value) -> bool,
    ) -> Value {
        let poll = async {
            loop {
                let image = self.show(token, path).await;
                if is_there(&image) {
                    return image;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), poll).await.unwrap()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The message of a refusal.
fn words(answer: &Answer) -> &str {
    answer.1["message"].as_str().unwrap_or_default()
}
