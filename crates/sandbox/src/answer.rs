//! Answers in Glance's manner.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

/// A refusal; its form follows the request's `Accept`, which the server adds.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
}

pub(crate) fn refuse(status: u16, detail: impl Into<String>) -> Refusal {
    let status = StatusCode::from_u16(status).expect("statuses are constants of this crate");
    Refusal { status, detail: detail.into() }
}

pub(crate) fn no_image(id: &str) -> Refusal {
    refuse(404, format!("No image found with ID {id}"))
}

/// 415 with the reason at its end, as Glance words it.
pub(crate) fn unsupported(media_type: &str, reason: &str) -> Refusal {
    refuse(
        415,
        format!(
            "The request media type {media_type} is not supported by this server. \n\n {reason}"
        ),
    )
}

impl Refusal {
    /// JSON when asked for, HTML for browsers and `*/*`, else plain text.
    pub(crate) fn respond(&self, headers: &HeaderMap) -> Response {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let code = self.status.as_u16();
        let title = match code {
            413 => "Request Entity Too Large",
            416 => "Request Range Not Satisfiable",
            _ => self.status.canonical_reason().unwrap_or("Error"),
        };
        let detail = &self.detail;
        let (media_type, body) = match accept {
            Some(accept) if accept.contains("application/json") => (
                "application/json",
                json!({
                    "message": format!("{detail}<br /><br />\n\n\n"),
                    "code": format!("{code} {title}"),
                    "title": title,
                })
                .to_string(),
            ),
            Some(accept) if accept.contains("*/*") || accept.contains("html") => (
                "text/html; charset=UTF-8",
                format!(
                    "<html>\n <head>\n  <title>{code} {title}</title>\n </head>\n <body>\n  \
                     <h1>{code} {title}</h1>\n  {detail}<br /><br />\n\n\n\n </body>\n</html>"
                ),
            ),
            _ => ("text/plain; charset=UTF-8", format!("{code} {title}\n\n{detail}\n\n   ")),
        };
        (self.status, [(header::CONTENT_TYPE, media_type)], body).into_response()
    }
}

/// The page that a proxy gives, whatever was asked for.
pub(crate) fn proxy_page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\
         \r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    let headers = [(header::CONTENT_TYPE, "text/html"), (header::SERVER, "nginx")];
    (status, headers, page).into_response()
}

/// What every answer of the service carries; the 401 of the token middleware has no id.
pub(crate) fn finish(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let is_proxy = headers.contains_key(header::SERVER);
    if response.status() != StatusCode::UNAUTHORIZED && !is_proxy {
        let id = format!("req-{}", uuid::Uuid::new_v4());
        let id = HeaderValue::from_str(&id).expect("a UUID is plain ASCII");
        response.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
    }
}
