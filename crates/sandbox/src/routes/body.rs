//! JSON bodies.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use crate::response::{Refusal, refuse};

/// The maximum number of bytes of a JSON body: far more than the largest record has.
const BODY_LIMIT: usize = 4 << 20;

/// Reads the body of a call that needs one. An extractor would read it before the call can be refused.
pub(super) async fn json_body(body: Body) -> Result<Value, Refusal> {
    let bytes: Bytes = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(refuse(413, "Request is too large."));
        }
        Err(error) => return Err(refuse(500, format!("The body cannot be read: {error}"))),
    };
    if bytes.is_empty() {
        return Err(refuse(400, "Body expected in request."));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        Ok(_) => Err(refuse(400, "Unexpected body type. Expected list/dict.")),
        Err(_) => Err(refuse(400, "Malformed JSON in request body.")),
    }
}
