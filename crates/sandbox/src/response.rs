//! Responses in Glance's form.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

/// A refusal; its form follows the `Accept` of the request, which the server adds.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// The message of the service, or the standard sentence of the status when there is a detail.
    explanation: String,
    detail: Option<String>,
}

/// A refusal with a message of the service.
pub(crate) fn refuse(status: u16, explanation: impl Into<String>) -> Refusal {
    let status = StatusCode::from_u16(status).expect("statuses are constants of this crate");
    Refusal { status, explanation: explanation.into(), detail: None }
}

/// A refusal with the standard sentence of its status, followed by the reason. Glance uses this form and the
/// other one inconsistently, depending on the argument that its code passes.
pub(crate) fn refuse_since(status: u16, detail: impl Into<String>) -> Refusal {
    let explanation = match status {
        403 => "Access was denied to this resource.",
        409 => "There was a conflict when trying to complete your request.",
        416 => "The Range requested is not available.",
        _ => "The server could not comply with the request.",
    };
    Refusal { detail: Some(detail.into()), ..refuse(status, explanation) }
}

/// The refusal of a policy.
pub(crate) fn forbid(rule: &str) -> Refusal {
    refuse(403, format!("You are not authorized to complete {rule} action."))
}

pub(crate) fn no_image(id: &str) -> Refusal {
    refuse(404, format!("No image found with ID {id}"))
}

/// The same refusal with Glance's other wording.
pub(crate) fn image_not_found(id: &str) -> Refusal {
    refuse(404, format!("Image {id} not found."))
}

pub(crate) fn no_resource() -> Refusal {
    refuse(404, "The resource could not be found.")
}

/// 415 with the reason at its end.
pub(crate) fn unsupported(media_type: &str, reason: &str) -> Refusal {
    let explanation =
        format!("The request media type {media_type} is not supported by this server.");
    Refusal { detail: Some(reason.to_owned()), ..refuse(415, explanation) }
}

/// The error 500 that Glance answers for some bodies.
pub(crate) fn internal_error() -> Refusal {
    refuse(
        500,
        "The server has either erred or is incapable of performing the requested operation.",
    )
}

impl Refusal {
    /// JSON if requested, HTML for browsers and `*/*`, otherwise plain text.
    pub(crate) fn respond(&self, headers: &HeaderMap) -> Response {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let code = self.status.as_u16();
        let title = match code {
            413 => "Request Entity Too Large",
            416 => "Request Range Not Satisfiable",
            _ => self.status.canonical_reason().unwrap_or("Error"),
        };
        let (media_type, body) = match accept {
            Some(accept) if accept.contains("application/json") => {
                let message = self.marked_up(str::to_owned);
                let body = json!({
                    "message": message,
                    "code": format!("{code} {title}"),
                    "title": title,
                });
                ("application/json", body.to_string())
            }
            Some(accept) if accept.contains("*/*") || accept.contains("html") => {
                let message = self.marked_up(escaped);
                let body = format!(
                    "<html>\n <head>\n  <title>{code} {title}</title>\n </head>\n <body>\n  \
                     <h1>{code} {title}</h1>\n  {message}\n </body>\n</html>"
                );
                ("text/html; charset=UTF-8", body)
            }
            _ => ("text/plain; charset=UTF-8", format!("{code} {title}\n\n{}", self.plain())),
        };
        (self.status, [(header::CONTENT_TYPE, media_type)], body).into_response()
    }

    fn marked_up(&self, escape: impl Fn(&str) -> String) -> String {
        let explanation = escape(&self.explanation);
        match self.detail.as_deref().map(escape) {
            Some(detail) if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                format!("{explanation}\n<br /><br />\n{detail}")
            }
            Some(detail) => format!("{explanation}<br /><br />\n{detail}\n\n"),
            None if self.status == StatusCode::METHOD_NOT_ALLOWED => {
                format!("{explanation}<br /><br />\n")
            }
            None => format!("{explanation}<br /><br />\n\n\n"),
        }
    }

    fn plain(&self) -> String {
        let explanation = self.explanation.replace('\n', " ");
        match &self.detail {
            Some(detail) if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                format!("{explanation} \n\n {detail}")
            }
            Some(detail) => format!("{explanation}\n\n {detail}  "),
            None if self.status == StatusCode::METHOD_NOT_ALLOWED => format!("{explanation}\n\n "),
            None => format!("{explanation}\n\n   "),
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#x27;")
}

/// The server converts the refusal into the requested form.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

/// The page that a proxy sends, whatever was requested.
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

/// The page of a proxy that asks clients to wait.
pub(crate) fn busy_page(pause: Duration) -> Response {
    let mut response = proxy_page(503);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(pause.as_secs()));
    response
}

/// The id of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    pub(crate) fn new() -> Self {
        RequestId(format!("req-{}", uuid::Uuid::new_v4()))
    }
}

/// The headers of every response; the 401 of the token middleware has no id.
pub(crate) fn finish(response: &mut Response, id: &RequestId) {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    // Also set for responses without a body: the default of Glance's framework.
    if !headers.contains_key(header::CONTENT_TYPE) {
        let html = HeaderValue::from_static("text/html; charset=UTF-8");
        headers.insert(header::CONTENT_TYPE, html);
    }
    let is_proxy = headers.contains_key(header::SERVER);
    if response.status() != StatusCode::UNAUTHORIZED && !is_proxy {
        let id = HeaderValue::from_str(&id.0).expect("a UUID is plain ASCII");
        response.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
    }
}
