//! A received request, and the text by which two of them are compared.

use std::io::{Read, Write};

use serde_json::Value;

/// A request as received.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path, or the complete address in a request to a proxy.
    pub(crate) url: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The method, the address and the authentication; none for a request that only looks for versions, which both
    /// programs may send or not.
    pub(crate) fn line(&self) -> Option<String> {
        let url = self.url.split('?').next().unwrap_or_default();
        let mut line = format!("{} {url}", self.method);
        if self.method == "GET" && !url.ends_with("/v2/images") {
            return None;
        }
        if let Ok(body) = serde_json::from_str::<Value>(&self.body) {
            line = format!("{line} {}", login(&body));
        } else if !self.body.is_empty() {
            let mut form: Vec<&str> = self.body.split('&').collect();
            form.sort_unstable();
            line = format!("{line} {}", form.join("&"));
        }
        // keystoneauth repeats a token of the body in the header, and sends this one without authentication.
        let token = self.header("x-auth-token").filter(|token| *token != "notused");
        if let Some(token) = token.filter(|_| self.method != "POST") {
            line = format!("{line}, token {token}");
        }
        if let Some(authorization) = self.header("authorization") {
            line = format!("{line}, authorization {authorization}");
        }
        Some(line)
    }
}

/// A login without the names of the levels: the methods with their values, and the scope.
fn login(body: &Value) -> String {
    let identity = &body["auth"]["identity"];
    let Some(methods) = identity["methods"].as_array() else { return plain(body) };
    let methods = methods.iter().filter_map(Value::as_str);
    let mut parts: Vec<String> =
        methods.map(|method| format!("{method} {}", plain(&identity[method]))).collect();
    if let Some(scope) = body["auth"].get("scope") {
        parts.push(format!("scope {}", plain(scope)));
    }
    parts.join(", ")
}

/// JSON without quotes, except around a text that would otherwise be another value.
fn plain(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key} {}", plain(value))).collect();
            pairs.sort();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() && !text.is_empty() => {
            text.clone()
        }
        other => other.to_string(),
    }
}

/// Reads one request; none if the connection ends before.
pub(crate) fn read(stream: &mut (impl Read + Write)) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        if body.len() < length {
            continue;
        }
        return Some(Request {
            method: first.next()?.to_owned(),
            url: first.next()?.to_owned(),
            headers,
            body: body.to_owned(),
        });
    }
}
