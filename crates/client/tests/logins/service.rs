//! A small Identity service with responses defined by a test, which records the requests.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Asked {
    /// The `auth` of a login request.
    pub(crate) fn auth(&self) -> Value {
        serde_json::from_str::<Value>(&self.body).unwrap()["auth"].take()
    }
}

/// A status, additional headers, a body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, String);

type Rule = Box<dyn Fn(&Asked) -> Option<Answer> + Send + Sync>;

pub(crate) struct Service {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    rule: Arc<Mutex<Rule>>,
}

impl Service {
    /// Responds to every login with a token, and to anything else with 404.
    pub(crate) async fn start() -> Self {
        Service::start_on("127.0.0.1").await
    }

    /// The same on another loopback address, which counts as another host.
    pub(crate) async fn start_on(host: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_| None)));
        let (log, rules) = (asked.clone(), rule.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (log, rules) = (log.clone(), rules.clone());
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else { return };
                    log.lock().unwrap().push(request.clone());
                    let answer = rules.lock().unwrap()(&request);
                    let answer = answer.unwrap_or_else(|| usual(&request));
                    let _ = stream.write_all(&written(&answer)).await;
                });
            }
        });
        Service { url, asked, rule }
    }

    /// Responds by `rule`, and as usual if that returns none.
    pub(crate) fn answer(
        &self,
        rule: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
    ) -> &Self {
        *self.rule.lock().unwrap() = Box::new(rule);
        self
    }

    /// The requests since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// A token, with a catalog of one image service in two regions.
pub(crate) fn token() -> Answer {
    let face = |region: &str| {
        json!({"interface": "public", "region": region, "region_id": region,
            "url": format!("http://image.{region}.example")})
    };
    let odd = |url: &str| json!({"interface": "public", "region": "A", "url": url});
    let token = json!({"token": {
        "expires_at": "2999-01-01T00:00:00.000000Z",
        "project": {"id": "p1"},
        "catalog": [
            {"type": "messaging", "endpoints": [odd("ws://10.0.0.5:9000/"), odd(""), odd("http://h:port/")]},
            {"type": "image", "name": "glance", "endpoints": [face("a"), face("b")]},
        ],
    }});
    (201, vec![("X-Subject-Token", "tok-1".to_owned())], token.to_string())
}

fn usual(request: &Asked) -> Answer {
    if request.method == "POST" && request.path.ends_with("/auth/tokens") {
        return token();
    }
    (404, Vec::new(), json!({"error": {"code": 404, "message": "nothing here"}}).to_string())
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let (first, headers) = head.split_once("\r\n")?;
        let mut words = first.split(' ');
        return Some(Asked {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        });
    }
}

fn written((status, headers, body): &Answer) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Connection: close\r\n\r\n{body}"));
    text.into_bytes()
}
