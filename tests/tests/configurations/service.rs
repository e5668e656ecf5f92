//! The services that both programs use: Identity v3 and Image on loopback, with and without TLS, and a proxy. They
//! record the requests.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::certificates::{self, Certificates};
use crate::request::{Request, read};

/// The names of the addresses, each of which is a port.
const PLAIN: [&str; 4] = ["identity", "image", "other", "proxy"];
const WITH_TLS: [&str; 2] = ["tls", "selfsigned"];

/// The services and what they have received.
pub(crate) struct Service {
    /// `@identity` and its address, and so on.
    pub(crate) addresses: Addresses,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    rules: Vec<String>,
    log: Vec<String>,
}

/// The names and what they stand for.
#[derive(Clone, Default)]
pub(crate) struct Addresses(BTreeMap<String, String>);

impl Addresses {
    /// Replaces the names in a text.
    pub(crate) fn insert(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, url)| text.replace(name, url))
    }

    /// Replaces the addresses by their names.
    pub(crate) fn remove(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, url)| text.replace(url, name))
    }

    fn of(&self, name: &str) -> &str {
        &self.0[&format!("@{name}")]
    }
}

impl Service {
    pub(crate) fn start(certificates: &Certificates) -> Service {
        let state = Arc::<Mutex<State>>::default();
        let listeners: Vec<(&str, TcpListener)> = PLAIN
            .into_iter()
            .chain(WITH_TLS)
            .map(|name| (name, TcpListener::bind("127.0.0.1:0").unwrap()))
            .collect();
        let mut addresses = Addresses::default();
        for (name, listener) in &listeners {
            let scheme = if WITH_TLS.contains(name) { "https" } else { "http" };
            let url = format!("{scheme}://{}", listener.local_addr().unwrap());
            addresses.0.insert(format!("@{name}"), url);
        }
        for (name, listener) in listeners {
            let (addresses, state) = (addresses.clone(), Arc::clone(&state));
            let tls = WITH_TLS.contains(&name).then(|| certificates.server(name == "selfsigned"));
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let (addresses, state, tls) =
                        (addresses.clone(), Arc::clone(&state), tls.clone());
                    thread::spawn(move || {
                        let stream = stream.unwrap();
                        let connection = Connection { name, addresses: &addresses, state: &state };
                        match tls {
                            None => connection.serve(stream, ""),
                            Some(config) => {
                                if let Some((stream, is_client_known)) =
                                    certificates::accept(config, stream)
                                {
                                    let with = if is_client_known {
                                        " with the client certificate"
                                    } else {
                                        ""
                                    };
                                    connection.serve(stream, with);
                                }
                            }
                        }
                    });
                }
            });
        }
        Service { addresses, state }
    }

    /// Begins a run with these rules.
    pub(crate) fn begin(&self, rules: &[&str]) {
        let rules = rules.iter().map(|rule| self.addresses.insert(rule)).collect();
        *self.state.lock().unwrap() = State { rules, log: Vec::new() };
    }

    /// The requests of the run; a repeated one is shown once.
    pub(crate) fn end(&self) -> Vec<String> {
        let mut log = std::mem::take(&mut self.state.lock().unwrap().log);
        log.dedup();
        log
    }
}

struct Connection<'a> {
    name: &'static str,
    addresses: &'a Addresses,
    state: &'a Mutex<State>,
}

impl Connection<'_> {
    /// Answers one request, and ends the connection.
    fn serve(&self, mut stream: impl Read + Write, with: &str) {
        let Some(mut request) = read(&mut stream) else { return };
        let mut with = with.to_owned();
        if self.name == "proxy" {
            if request.method == "CONNECT" {
                self.state.lock().unwrap().log.push("CONNECT through the proxy".to_owned());
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                return;
            }
            with.push_str(" through the proxy");
        } else {
            request.url = format!("{}{}", self.addresses.of(self.name), request.url);
        }
        let rule = {
            let mut state = self.state.lock().unwrap();
            let start = format!("{} {} ", request.method, request.url);
            let place = state.rules.iter().position(|rule| rule.starts_with(&start));
            let rule = place.map(|place| {
                let rule = state.rules[place].clone();
                let mut rest = &rule[start.len()..];
                if let Some(answer) = rest.strip_prefix("once ") {
                    rest = answer;
                    state.rules.remove(place);
                }
                let (status, body) = rest.split_once(' ').unwrap_or((rest, ""));
                (status.parse::<u16>().unwrap(), body.to_owned())
            });
            if let Some(line) = request.line() {
                state.log.push(self.addresses.remove(&line) + &with);
            }
            rule
        };
        let is_success = rule.as_ref().is_none_or(|(status, _)| *status < 300);
        let (status, body) = rule.unwrap_or_else(|| {
            let (status, body) = self.answer(&request);
            (status, body.to_string())
        });
        let token =
            if request.method == "POST" && is_success { "X-Subject-Token: tok\r\n" } else { "" };
        let _ = write!(
            stream,
            "HTTP/1.1 {status} X\r\n{token}Content-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.flush();
    }

    /// The usual answer of a service.
    fn answer(&self, request: &Request) -> (u16, Value) {
        let url = request.url.split('?').next().unwrap().trim_end_matches('/');
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        if self.name == "image" || path.starts_with("image") {
            return if url.ends_with("/v2/images") {
                (200, json!({"images": [], "first": "/v2/images", "schema": "/v2/schemas/images"}))
            } else {
                let link = json!([{"rel": "self", "href": format!("{}/v2/", url.trim_end_matches("/v2"))}]);
                (300, json!({"versions": [{"id": "v2.17", "status": "CURRENT", "links": link}]}))
            };
        }
        let version = |base: &str| {
            json!({"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
                "links": [{"rel": "self", "href": format!("{base}/v3/")}],
                "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}]})
        };
        match (&*request.method, path.rsplit('/').next().unwrap_or_default()) {
            ("GET", "v3") => (200, json!({"version": version(url.trim_end_matches("/v3"))})),
            ("GET", "openid-configuration") => {
                (200, json!({"token_endpoint": self.addresses.insert("@other/token")}))
            }
            ("GET", _) => (300, json!({"versions": {"values": [version(url)]}})),
            ("POST", "tokens") => (201, self.token(&request.body)),
            ("POST", "auth") => (201, self.token("{\"auth\": {\"scope\": \"unscoped\"}}")),
            ("POST", "token") => (200, json!({"access_token": "provided", "id_token": "identity"})),
            _ => (404, json!({"error": {"code": 404, "message": "not found"}})),
        }
    }

    /// A token with a catalog, unless it has no scope.
    fn token(&self, body: &str) -> Value {
        let wanted: Value = serde_json::from_str(body).unwrap_or_default();
        let scope = &wanted["auth"]["scope"];
        let domain = json!({"id": "default", "name": "Default"});
        let mut token = json!({
            "methods": ["password"], "expires_at": "2999-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z", "audit_ids": ["audit"],
            "user": {"id": "u1", "name": "u", "domain": domain},
        });
        if scope == "unscoped" {
            return json!({"token": token});
        }
        if scope.get("domain").is_some() {
            token["domain"] = domain;
        } else if scope.get("system").is_some() {
            token["system"] = json!({"all": true});
        } else {
            token["project"] = json!({"id": "p1", "name": "p", "domain": domain});
        }
        let host = match self.name {
            "tls" | "selfsigned" => self.name,
            _ => "image",
        };
        let at = |interface: &str, region: &str, path: &str| {
            json!({"id": path, "interface": interface, "region": region, "region_id": region,
                "url": format!("{}/{path}", self.addresses.of(host))})
        };
        token["roles"] = json!([{"id": "member", "name": "member"}]);
        token["catalog"] = json!([
            {"type": "identity", "name": "keystone", "id": "1", "endpoints": [
                {"id": "i", "interface": "public", "region": "A", "region_id": "A",
                    "url": self.addresses.insert("@identity/v3")}]},
            {"type": "image", "name": "glance", "id": "2", "endpoints": [
                at("public", "A", "image-a"), at("internal", "A", "image-a-internal"),
                at("admin", "A", "image-a-admin"), at("public", "B", "image-b"),
                at("internal", "B", "image-b-internal")]},
            {"type": "custom-image", "name": "second", "id": "3", "endpoints": [at("public", "A", "image-custom")]},
        ]);
        json!({"token": token})
    }
}
