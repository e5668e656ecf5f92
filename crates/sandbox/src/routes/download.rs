//! Downloads of image data.

use std::io::{Seek as _, SeekFrom};
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use crate::fetch::{self, Redirects};
use crate::files;
use crate::policy::Caller;
use crate::response::{Refusal, refuse, refuse_since};
use crate::state::State;

/// `GET /v2/images/{id}/file`: the complete image or one range of it.
pub(super) async fn download(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let image = state.image(&caller, &id)?;
    let status = image.status();
    if status == "deactivated" && !caller.is_admin() {
        let text = "The requested image has been deactivated. Image data download is forbidden.";
        return Err(refuse(403, text));
    }
    caller.require_member("download_image")?;
    check_preference(&state, &query)?;
    let size = image.record["size"].as_u64();
    let Some(size) = size.filter(|_| matches!(status, "active" | "deactivated")) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let range = match headers.get(header::RANGE).and_then(|range| range.to_str().ok()) {
        Some(text) => Some(parse_range(text, size)?),
        None => match headers.get(header::CONTENT_RANGE).map(HeaderValue::as_bytes) {
            Some(text) => Some(parse_content_range(&String::from_utf8_lossy(text), size)?),
            None => None,
        },
    };
    let stores = image.stores();
    let is_sequential = match image.urls.is_empty() {
        true => !stores.is_empty() && stores.iter().all(|it| state.options.is_sequential(it)),
        false => true,
    };
    if range.is_some() && is_sequential {
        return Err(refuse(400, "Getting images randomly from this store is not supported"));
    }
    let (status, first, last) = match range {
        Some((first, last)) => (StatusCode::PARTIAL_CONTENT, first, last),
        None => (StatusCode::OK, 0, size.saturating_sub(1)),
    };
    let length = if size == 0 { 0 } else { last - first + 1 };
    let body = match image.urls.last() {
        Some(url) => registered_data(&state, url, first, length).await?,
        None => stored_data(&state, &id, first, length)?,
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_LENGTH, length.into());
    // The checksum of the complete image, also for a range.
    if let Ok(md5) = image.text("checksum").parse()
        && !image.text("checksum").is_empty()
    {
        headers.insert(HeaderName::from_static("content-md5"), md5);
    }
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {first}-{last}/{size}").parse()
    {
        headers.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

fn unreadable(error: &dyn std::fmt::Display) -> Refusal {
    refuse(500, format!("The data cannot be read: {error}"))
}

fn stored_data(state: &State, id: &str, first: u64, length: u64) -> Result<Body, Refusal> {
    let mut file = files::open(&state.data_path(id)).map_err(|error| unreadable(&error))?;
    file.seek(SeekFrom::Start(first)).map_err(|error| unreadable(&error))?;
    let reader = tokio::fs::File::from_std(file).take(length);
    Ok(Body::from_stream(ReaderStream::new(reader)))
}

/// Registered data is small enough to be sent in one piece.
async fn registered_data(
    state: &State,
    url: &str,
    first: u64,
    length: u64,
) -> Result<Body, Refusal> {
    let response = fetch::open(url, Redirects::Refused, &state.options.allowed_hosts)
        .await
        .map_err(|error| unreadable(&error))?;
    let bytes = response.bytes().await.map_err(|error| unreadable(&error))?;
    let end = usize::try_from(first + length).unwrap_or(usize::MAX);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    if end > bytes.len() {
        return Err(unreadable(&"it is shorter than it was"));
    }
    Ok(Body::from(bytes.slice(first..end)))
}

/// All copies are one file, so only unknown stores matter.
fn check_preference(state: &State, query: &[(String, String)]) -> Result<(), Refusal> {
    let preferred = query.iter().rfind(|(key, _)| key == "prefer").map(|(_, value)| &**value);
    let stores = preferred.unwrap_or_default().split(',').map(str::trim);
    let stores: Vec<&str> = stores.filter(|store| !store.is_empty()).collect();
    let known = state.options.all_stores();
    if !stores.is_empty() && known.is_empty() {
        let text = "Store selection for download is not available when multiple backends are not \
                    enabled.";
        return Err(refuse(400, text));
    }
    match stores.iter().find(|store| !known.contains(store)) {
        Some(store) => Err(refuse(400, format!("Store '{store}' is not configured."))),
        None => Ok(()),
    }
}

/// First and last byte of `bytes a-b/n`: clients before `Range` was supported sent it with requests.
fn parse_content_range(text: &str, size: u64) -> Result<(u64, u64), Refusal> {
    let parsed = || {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        let is_total = total == "*" || total.parse::<u64>().is_ok_and(|total| last < total);
        (is_total && first <= last).then_some((first, last))
    };
    let (first, last) =
        parsed().ok_or_else(|| refuse_since(416, "Invalid Content-Range header."))?;
    let end = size.saturating_sub(1);
    if first >= size {
        return Err(refuse_since(
            416,
            format!(
                "Invalid start position in Content-Range header. Start position MUST be in the inclusive \
                 range [0, {end}]."
            ),
        ));
    }
    Ok((first, last.min(end)))
}

/// First and last byte of `bytes=a-b`, `a-` or `-n`.
fn parse_range(text: &str, size: u64) -> Result<(u64, u64), Refusal> {
    if text.contains(',') {
        return Err(refuse(
            400,
            "Requests with multiple ranges are not supported in Glance. You may make multiple \
             single-range requests instead.",
        ));
    }
    let bad = || refuse_since(416, "Invalid Range header.");
    let range = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let (first, last) = range.ok_or_else(bad)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| bad());
    let end = size.saturating_sub(1);
    let (first, last) = match (first, last) {
        // The last 0 bytes are all of them, as a negative index of Python.
        ("", count) => match number(count)? {
            0 => (0, end),
            count => (size.saturating_sub(count), end),
        },
        (first, "") => (number(first)?, end),
        (first, last) => (number(first)?, number(last)?.min(end)),
    };
    if first >= size || first > last {
        return Err(refuse_since(
            416,
            format!(
                "Invalid start position in Range header. Start position MUST be in the inclusive \
                 range [0, {end}]."
            ),
        ));
    }
    Ok((first, last))
}
