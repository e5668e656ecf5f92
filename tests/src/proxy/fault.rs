//! The faults that the proxy can apply to a request and its response.

use std::time::Duration;

use serde_json::{Value, json};

/// A set of requests: a method, and a path in which `*` stands for any one segment.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    method: &'static str,
    path: &'static str,
}

impl Requests {
    /// Uploads of image data.
    pub const UPLOADS: Requests = Requests::new("PUT", "/v2/images/*/file");
    /// Uploads of data for an import.
    pub const STAGINGS: Requests = Requests::new("PUT", "/v2/images/*/stage");
    /// Requests for a record.
    pub const LOOKS: Requests = Requests::new("GET", "/v2/images/*");
    /// Creations of records.
    pub const CREATIONS: Requests = Requests::new("POST", "/v2/images");
    /// Logins.
    pub const LOGINS: Requests = Requests::new("POST", "/v3/auth/tokens");

    /// The requests of a method to a path.
    #[must_use]
    pub const fn new(method: &'static str, path: &'static str) -> Self {
        Requests { method, path }
    }

    pub(super) fn fit(self, method: &str, path: &str) -> bool {
        let (mut wanted, mut given) = (self.path.split('/'), path.split('/'));
        let mut parts = std::iter::from_fn(|| match (wanted.next(), given.next()) {
            (None, None) => None,
            pair => Some(pair),
        });
        self.method == method
            && parts.all(|(wanted, given)| {
                wanted == given || { wanted == Some("*") && given.is_some() }
            })
    }
}

/// The fault of one request. Bytes are counted in its body, without the framing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// No fault: it takes one place in the queue, so that the next fault applies to the next request.
    None,
    /// Both connections end after this number of bytes, without a response. With the length of the body, the
    /// service has received everything.
    Cut {
        /// Bytes that are forwarded before.
        after: u64,
        /// The way of ending them.
        ending: Ending,
    },
    /// Both directions stall for a time after this number of bytes.
    Stall {
        /// Bytes that are forwarded before.
        after: u64,
        /// The duration.
        lasting: Duration,
    },
    /// Both directions stall after this number of bytes, until [`Proxy::resume`](super::Proxy::resume).
    Hold {
        /// Bytes that are forwarded before.
        after: u64,
    },
    /// The proxy receives this number of bytes itself, responds, and ignores the rest. The service gets no
    /// request.
    Refuse {
        /// Bytes that are received before.
        after: u64,
        /// The response.
        answer: Answer,
        /// The end of the connection after it.
        ending: Ending,
    },
    /// The proxy responds after this number of bytes, and ignores the rest. The service sees an interrupted
    /// request.
    Answer {
        /// Bytes that are forwarded before.
        after: u64,
        /// The response.
        answer: Answer,
        /// The end of the connection after it.
        ending: Ending,
    },
    /// The service processes the request, and its response is lost.
    Lose(Ending),
    /// The service processes the request, and the client gets this response.
    Replace(Answer),
    /// These keys in the JSON response of the service get other values.
    Rewrite(Vec<(&'static str, Value)>),
    /// The response is sent twice.
    Twice,
    /// The body is forwarded slowly.
    SlowBody(Pace),
    /// The response is forwarded slowly.
    SlowAnswer(Pace),
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a FIN; further data is read and discarded.
    Fin,
    /// By a RST.
    Reset,
}

/// A limited speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// This number of bytes at once.
    pub bytes: usize,
    /// The pause after them.
    pub pause: Duration,
}

/// A response that is not from the service.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: Option<u16>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// Shows status and type only, since a failed test prints many of them.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let media_type = self.headers.first().map_or("garbage", |(_, value)| value);
        write!(f, "Answer({:?}, {media_type})", self.status)
    }
}

impl Answer {
    /// A response in the form of Glance.
    #[must_use]
    pub fn json(status: u16) -> Self {
        let title = reason(status);
        let body = json!({
            "message": format!("Glance says {title}.<br /><br />\n\n\n"),
            "code": format!("{status} {title}"),
            "title": title,
        });
        Answer::of(status, "application/json", body.to_string().into_bytes())
            .with("x-openstack-request-id", "req-00000000-0000-4000-8000-000000000000")
    }

    /// A response in the form of a proxy in front of Glance.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let title = reason(status);
        let page = format!(
            "<html><head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} \
             {title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body></html>\r\n"
        );
        Answer::of(status, "text/html", page.into_bytes()).with("server", "nginx")
    }

    /// Any response.
    #[must_use]
    pub fn of(status: u16, media_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type", media_type.to_owned()),
            ("content-length", body.len().to_string()),
            ("connection", "close".to_owned()),
        ];
        Answer { status: Some(status), headers, body }
    }

    /// Data that is not HTTP.
    #[must_use]
    pub fn garbage() -> Self {
        let body =
            b"\x16\x03\x01\x02\0 this is not the server you were looking for\r\n\r\n".to_vec();
        Answer { status: None, headers: Vec::new(), body }
    }

    /// Adds a header, or replaces its value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(key, _)| *key != name);
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes on the wire.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Some(status) = self.status else { return self.body.clone() };
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_distinguished() {
        assert!(Requests::UPLOADS.fit("PUT", "/v2/images/x/file"));
        assert!(!Requests::UPLOADS.fit("GET", "/v2/images/x/file"));
        assert!(!Requests::UPLOADS.fit("PUT", "/v2/images/x/stage"));
        assert!(Requests::LOOKS.fit("GET", "/v2/images/x"));
        assert!(!Requests::LOOKS.fit("GET", "/v2/images/x/file"));
        assert!(!Requests::LOOKS.fit("GET", "/v2/images"));
        assert!(!Requests::CREATIONS.fit("POST", "/v2/images/"));
    }
}
