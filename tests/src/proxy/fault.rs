//! What the proxy can do to a request and to its answer.

use std::time::Duration;

use serde_json::{Value, json};

/// Some requests: a method, and a path in which `*` stands for any one part.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    method: &'static str,
    path: &'static str,
}

impl Requests {
    /// Data of an image.
    pub const UPLOADS: Requests = Requests::new("PUT", "/v2/images/*/file");
    /// Data for an import.
    pub const STAGINGS: Requests = Requests::new("PUT", "/v2/images/*/stage");
    /// Looks at a record.
    pub const LOOKS: Requests = Requests::new("GET", "/v2/images/*");
    /// New records.
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

/// What goes wrong with one request. Bytes are counted in its body, without what frames them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: its turn is used up, and the next request has the fault behind it.
    None,
    /// Both connections end behind so many bytes, without an answer. With as many as there are, the
    /// service has them all.
    Cut {
        /// Bytes that go on before.
        after: u64,
        /// How.
        ending: Ending,
    },
    /// Nothing moves for a while behind so many bytes, in neither direction.
    Stall {
        /// Bytes that go on before.
        after: u64,
        /// How long.
        lasting: Duration,
    },
    /// The proxy takes so many bytes for itself, answers, and leaves the rest. The service hears of nothing.
    Refuse {
        /// Bytes that are taken before.
        after: u64,
        /// What is answered.
        answer: Answer,
        /// What becomes of the connection behind it.
        ending: Ending,
    },
    /// The proxy answers behind so many bytes, and leaves the rest. The service sees its request break
    /// off.
    Answer {
        /// Bytes that go on before.
        after: u64,
        /// What is answered.
        answer: Answer,
        /// What becomes of the connection behind it.
        ending: Ending,
    },
    /// The service does what it is asked, and its answer is lost.
    Lose(Ending),
    /// The service does what it is asked, and this is what is answered.
    Replace(Answer),
    /// These keys of the JSON that the service answers have other values.
    Rewrite(Vec<(&'static str, Value)>),
    /// The answer comes twice.
    Twice,
    /// The body goes on slowly.
    SlowBody(Pace),
    /// The answer comes slowly.
    SlowAnswer(Pace),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By a FIN; what still comes is read and thrown away.
    Fin,
    /// By a RST.
    Reset,
}

/// A speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many bytes at once.
    pub bytes: usize,
    /// And then this pause.
    pub pause: Duration,
}

/// An answer that the service did not give.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: Option<u16>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// The status and the kind, as a failed test shows many of them.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let media_type = self.headers.first().map_or("garbage", |(_, value)| value);
        write!(f, "Answer({:?}, {media_type})", self.status)
    }
}

impl Answer {
    /// In the manner of Glance.
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

    /// In the manner of a proxy that stands before it.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let title = reason(status);
        let page = format!(
            "<html><head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} \
             {title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body></html>\r\n"
        );
        Answer::of(status, "text/html", page.into_bytes()).with("server", "nginx")
    }

    /// Any answer.
    #[must_use]
    pub fn of(status: u16, media_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type", media_type.to_owned()),
            ("content-length", body.len().to_string()),
            ("connection", "close".to_owned()),
        ];
        Answer { status: Some(status), headers, body }
    }

    /// What is no HTTP.
    #[must_use]
    pub fn garbage() -> Self {
        let body =
            b"\x16\x03\x01\x02\0 this is not the server you were looking for\r\n\r\n".to_vec();
        Answer { status: None, headers: Vec::new(), body }
    }

    /// With a header more, or another value of it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(key, _)| *key != name);
        self.headers.push((name, value.into()));
        self
    }

    /// As it goes over the wire.
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
    fn requests_are_told_apart() {
        assert!(Requests::UPLOADS.fit("PUT", "/v2/images/x/file"));
        assert!(!Requests::UPLOADS.fit("GET", "/v2/images/x/file"));
        assert!(!Requests::UPLOADS.fit("PUT", "/v2/images/x/stage"));
        assert!(Requests::LOOKS.fit("GET", "/v2/images/x"));
        assert!(!Requests::LOOKS.fit("GET", "/v2/images/x/file"));
        assert!(!Requests::LOOKS.fit("GET", "/v2/images"));
        assert!(!Requests::CREATIONS.fit("POST", "/v2/images/"));
    }
}
