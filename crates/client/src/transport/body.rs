//! Bodies of responses that are read into memory. The server determines their length, so there is a limit.

use http::header::{CONTENT_ENCODING, HeaderValue};
use reqwest::Response;

/// The limit of a response: 16 MiB. A page of 1,000 images, the maximum of Glance, has 2 MiB.
pub(crate) const ANSWER_BYTES: usize = 16 << 20;
/// The limit of the JSON values in a response. In memory each takes up to 630 bytes, whatever its size in
/// JSON: 16 MiB of small values took 2 GiB. A page of 1,000 images has about 60,000.
const ANSWER_VALUES: usize = 1 << 18;

/// The reason why the body of a successful response was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Interrupted(#[from] reqwest::Error),
    #[error("it has more than {} MiB", ANSWER_BYTES >> 20)]
    TooLarge,
    #[error("it has more than {ANSWER_VALUES} values")]
    TooManyValues,
    #[error("it is compressed ({0}), which was not requested")]
    Compressed(String),
}

/// Reads the complete body of a response.
///
/// The limit applies to the bytes in memory: this client requests no compression and decompresses nothing.
///
/// # Errors
///
/// [`BodyError`]; for a body longer than [`ANSWER_BYTES`] before the rest is read.
pub(super) async fn complete(response: Response) -> Result<Vec<u8>, BodyError> {
    let encoding = response.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if let Some(encoding) = encoding.filter(|name| !name.eq_ignore_ascii_case(b"identity")) {
        return Err(BodyError::Compressed(
            encoding.escape_ascii().take(40).map(char::from).collect(),
        ));
    }
    let announced = response.content_length();
    let mut body = Vec::new();
    let is_too_large = announced.is_some_and(|length| length > ANSWER_BYTES as u64)
        || !start(response, ANSWER_BYTES, &mut body).await?;
    if is_too_large {
        return Err(BodyError::TooLarge);
    }
    // Each value follows one of these characters.
    let starts = body.iter().filter(|byte| matches!(byte, b'{' | b'[' | b',')).count();
    if starts > ANSWER_VALUES { Err(BodyError::TooManyValues) } else { Ok(body) }
}

/// Appends a body to `bytes` up to the length `limit`. Returns whether that was the complete body.
pub(super) async fn start(
    mut response: Response,
    limit: usize,
    bytes: &mut Vec<u8>,
) -> reqwest::Result<bool> {
    while let Some(chunk) = response.chunk().await? {
        let space = limit.saturating_sub(bytes.len());
        bytes.extend_from_slice(chunk.get(..space).unwrap_or(&chunk));
        if chunk.len() > space {
            return Ok(false);
        }
    }
    Ok(true)
}
