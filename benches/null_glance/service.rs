//! The calls of the service.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::message::{Answer, Body, Request};

/// The data of one size: its digests, and the file that has it.
struct Known {
    md5: String,
    sha512: String,
    path: PathBuf,
}

pub(crate) struct Service {
    url: String,
    /// Known data by size.
    known: HashMap<u64, Known>,
    images: Mutex<HashMap<String, Value>>,
    /// Number of calls of the image service, for `GET /requests`.
    requests: AtomicUsize,
}

impl Service {
    /// Each of `known` is `SIZE:MD5:SHA512:PATH`.
    pub(crate) fn new(url: String, known: &[String]) -> Self {
        let known = known.iter().map(|text| {
            let mut parts = text.splitn(4, ':').map(str::to_owned);
            let size = parts.next().unwrap().parse().unwrap();
            let [md5, sha512, path] = [(); 3].map(|()| parts.next().unwrap());
            (size, Known { md5, sha512, path: path.into() })
        });
        Service {
            url,
            known: known.collect(),
            images: Mutex::default(),
            requests: AtomicUsize::new(0),
        }
    }

    /// Responds to every call except an upload.
    pub(crate) fn answer(&self, request: &Request, body: &[u8]) -> Answer {
        let segments: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        if segments.first() == Some(&"v2") {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        match (&*request.method, &segments[..]) {
            ("GET", ["requests"]) => {
                Answer::json(200, &self.requests.load(Ordering::Relaxed).into())
            }
            ("GET", [] | ["v2"] | ["versions"]) => Answer::json(200, &self.versions()),
            ("GET", ["v3"]) => Answer::json(200, &json!({"version": self.identity()})),
            ("POST", ["v3", "auth", "tokens"]) => self.login(),
            ("GET", ["v2", "schemas", "image"]) => Answer::json(200, &schema()),
            ("GET", ["v2", "images"]) => Answer::json(200, &self.list(&request.query)),
            ("POST", ["v2", "images"]) => self.create(body),
            ("GET" | "PATCH", ["v2", "images", id]) => match self.images().get(*id) {
                Some(image) => Answer::json(200, image),
                None => Answer::not_found(),
            },
            ("GET", ["v2", "images", id, "file"]) => self.data(id, request.range.as_deref()),
            ("DELETE", ["v2", "images", id]) => match self.images().remove(*id) {
                Some(_) => Answer::empty(),
                None => Answer::not_found(),
            },
            _ => Answer::not_found(),
        }
    }

    /// Responds to an upload after its last byte.
    pub(crate) fn stored(&self, path: &str, bytes: u64) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let id = path.trim_start_matches("/v2/images/").trim_end_matches("/file");
        let mut images = self.images();
        let Some(image) = images.get_mut(id) else { return Answer::not_found() };
        image["status"] = "active".into();
        image["size"] = bytes.into();
        image["virtual_size"] = bytes.into();
        if let Some(known) = self.known.get(&bytes) {
            image["checksum"] = known.md5.clone().into();
            image["os_hash_algo"] = "sha512".into();
            image["os_hash_value"] = known.sha512.clone().into();
        }
        Answer::empty()
    }

    /// The data of an image, or the part that `bytes=FROM-TO` names.
    fn data(&self, id: &str, range: Option<&str>) -> Answer {
        let size = self.images().get(id).and_then(|image| image["size"].as_u64());
        let Some((size, known)) = size.and_then(|size| Some((size, self.known.get(&size)?))) else {
            return Answer::not_found();
        };
        let (mut from, mut to) = (0, size - 1);
        if let Some((first, last)) = range.and_then(|range| range["bytes=".len()..].split_once('-'))
        {
            from = first.parse().unwrap();
            to = last.parse().unwrap_or(to).min(to);
        }
        let body = Body::File { path: known.path.clone(), from, length: to + 1 - from };
        let mut headers = vec![("Content-MD5", known.md5.clone())];
        if range.is_some() {
            headers.push(("Content-Range", format!("bytes {from}-{to}/{size}")));
        }
        Answer { status: if range.is_some() { 206 } else { 200 }, headers, body }
    }

    /// The images with a name. The measured clients send no name that needs decoding.
    fn list(&self, query: &str) -> Value {
        let name = query.split('&').find_map(|filter| filter.strip_prefix("name="));
        let images = self.images();
        let found = images.values().filter(|image| name.is_some_and(|name| image["name"] == name));
        json!({ "images": found.collect::<Vec<_>>() })
    }

    fn create(&self, body: &[u8]) -> Answer {
        let Ok(Value::Object(asked)) = serde_json::from_slice(body) else {
            return Answer::json(400, &json!({"message": "not an object"}));
        };
        let mut images = self.images();
        // A client that derives the id from the data may request one that exists.
        if asked.get("id").and_then(Value::as_str).is_some_and(|id| images.contains_key(id)) {
            return Answer::json(409, &json!({"message": "that id is taken"}));
        }
        let id = asked
            .get("id")
            .and_then(Value::as_str)
            .map_or_else(|| format!("00000000-0000-4000-8000-{:012}", images.len()), str::to_owned);
        let path = format!("/v2/images/{id}");
        let mut image = json!({
            "id": id, "name": null, "status": "queued", "visibility": "shared", "protected": false,
            "os_hidden": false, "owner": PROJECT, "tags": [], "min_disk": 0, "min_ram": 0,
            "size": null, "virtual_size": null, "checksum": null, "os_hash_algo": null,
            "os_hash_value": null, "disk_format": null, "container_format": null,
            "created_at": TIME, "updated_at": TIME, "self": path, "file": format!("{path}/file"),
            "schema": "/v2/schemas/image",
        });
        for (key, value) in asked {
            image[key] = value;
        }
        let mut answer = Answer::json(201, &image);
        answer.headers.push(("Location", format!("{}{path}", self.url)));
        images.insert(id, image);
        answer
    }

    fn versions(&self) -> Value {
        let links = json!([{"rel": "self", "href": format!("{}/v2/", self.url)}]);
        json!({"versions": [{"id": "v2.17", "status": "CURRENT", "links": links}]})
    }

    fn identity(&self) -> Value {
        let links = json!([{"rel": "self", "href": format!("{}/v3/", self.url)}]);
        let media_type = "application/vnd.openstack.identity-v3+json";
        json!({
            "id": "v3.14", "status": "stable", "updated": TIME, "links": links,
            "media-types": [{"base": "application/json", "type": media_type}],
        })
    }

    /// Accepts every login.
    fn login(&self) -> Answer {
        let domain = json!({"id": "default", "name": "Default"});
        let service = |kind: &str, name: &str, url: String| {
            let endpoint = json!({
                "id": name, "interface": "public", "region": "RegionOne",
                "region_id": "RegionOne", "url": url,
            });
            json!({"id": name, "name": name, "type": kind, "endpoints": [endpoint]})
        };
        let body = json!({"token": {
            "methods": ["password"], "is_domain": false, "audit_ids": ["-0dtUVJMSHixa1ZuLs1svA"],
            "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2099-01-01T00:00:00.000000Z",
            "user": {"id": USER, "name": "demo", "domain": domain, "password_expires_at": null},
            "project": {"id": PROJECT, "name": "demo", "domain": domain},
            "roles": [{"id": "member", "name": "member"}],
            "catalog": [
                service("image", "glance", self.url.clone()),
                service("identity", "keystone", format!("{}/v3/", self.url)),
            ],
        }});
        let mut answer = Answer::json(201, &body);
        answer.headers.push(("X-Subject-Token", "a-token".to_owned()));
        answer
    }

    fn images(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The schema recorded from a Glance with default settings. The clients validate their records with it.
fn schema() -> Value {
    let path = "../crates/sandbox/src/routes/schemas/image.json";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut sample: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    sample["body"].take()
}

const TIME: &str = "2026-01-01T00:00:00Z";
const USER: &str = "4a9ed8ca4f8241d9b83e8723f84d5812";
const PROJECT: &str = "b9bd5e30605c4b1c837e5e29b527e31e";
