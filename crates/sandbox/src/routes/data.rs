//! The bytes of images: in, staged, out.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

use super::images::over_quota;
use super::info::used;
use crate::answer::{Refusal, refuse, unsupported};
use crate::faults::{Fault, Scripted};
use crate::format_check;
use crate::hashing::Hashes;
use crate::server::{BodyMeter, cut_off};
use crate::state::{Record, State};

/// `PUT /v2/images/{id}/file`.
pub(super) async fn upload(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    Extension(Scripted(fault)): Extension<Scripted>,
    Extension(cut): Extension<CancellationToken>,
    Extension(meter): Extension<BodyMeter>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let record = state.image(&id)?;
    check_media_type(&headers)?;
    let declared = declared_size(&headers)?;
    if record["disk_format"].is_null() || record["container_format"].is_null() {
        let text = "Properties disk_format, container_format must be set prior to saving data.";
        return Err(refuse(400, text));
    }
    check_quota(&state, declared)?;
    state.transit(&id, "queued", "saving")?;
    let mut intake = Intake { state: &state, id: &id, back_to: Some("queued"), fault, cut, meter };
    let received = intake.receive(body, state.data_path(&id)).await?;
    intake.check_size(declared, received.bytes)?;
    let virtual_size = match (&record["container_format"], &record["disk_format"]) {
        (Value::String(container), Value::String(disk)) if container == "bare" => {
            format_check::check(&received.head, disk, received.bytes)
                .map_err(|reason| unsupported("application/octet-stream", &reason))?
        }
        _ => None,
    };
    intake.activate(received, virtual_size)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v2/images/{id}/stage`: no hash, no check; both come with the import.
pub(super) async fn stage(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    Extension(Scripted(fault)): Extension<Scripted>,
    Extension(cut): Extension<CancellationToken>,
    Extension(meter): Extension<BodyMeter>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    state.image(&id)?;
    check_media_type(&headers)?;
    let declared = declared_size(&headers)?;
    check_quota(&state, declared)?;
    state.transit(&id, "queued", "uploading")?;
    let mut intake = Intake { state: &state, id: &id, back_to: Some("queued"), fault, cut, meter };
    let received = intake.receive(body, state.staged_path(&id)).await?;
    intake.check_size(declared, received.bytes)?;
    intake.back_to = None;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v2/images/{id}/import`: `glance-direct` of what was staged, done when the answer comes.
pub(super) async fn import(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    Extension(Scripted(fault)): Extension<Scripted>,
    Extension(cut): Extension<CancellationToken>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let record = state.image(&id)?;
    let wanted: Value = serde_json::from_slice(&body)
        .map_err(|_| refuse(400, "Malformed JSON in request body."))?;
    let method = wanted["method"]["name"].as_str().unwrap_or_default();
    if method != "glance-direct" {
        return Err(refuse(400, format!("Unknown import method name '{method}'.")));
    }
    let staged = state.staged_path(&id);
    if record["status"] != "uploading" || !staged.exists() {
        return Err(refuse(
            409,
            "Image needs to be staged before 'glance-direct' method can be used",
        ));
    }
    let data = std::fs::read(&staged)
        .map_err(|error| refuse(500, format!("The staged data cannot be read: {error}")))?;
    let meter = BodyMeter::default();
    let back_to = Some("queued");
    let mut intake = Intake { state: &state, id: &id, back_to, fault, cut, meter };
    let received = intake.receive(Body::from(data), state.data_path(&id)).await?;
    let disk_format = record["disk_format"].as_str().unwrap_or_default();
    match format_check::check(&received.head, disk_format, received.bytes) {
        Ok(virtual_size) => intake.activate(received, virtual_size)?,
        // A failed glance-direct import stays `importing` for ever, with the store marked.
        Err(_) => {
            intake.back_to = None;
            state.change(&id, |record| {
                record.insert("status".into(), "importing".into());
                record.insert("os_glance_failed_import".into(), "default".into());
                Ok(())
            })?;
        }
    }
    // Nothing depends on the staged data any more.
    let _ = std::fs::remove_file(staged);
    Ok(StatusCode::ACCEPTED)
}

/// `GET /v2/images/{id}/file`, whole or one range of it.
pub(super) async fn download(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let record = state.image(&id)?;
    let status = record["status"].as_str().unwrap_or_default();
    if status == "deactivated" {
        let text = "The requested image has been deactivated. Image data download is forbidden.";
        return Err(refuse(403, text));
    }
    let Some(size) = record["size"].as_u64().filter(|_| status == "active") else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let range = match headers.get(header::RANGE).and_then(|range| range.to_str().ok()) {
        Some(text) => Some(parse_range(text, size)?),
        None => None,
    };
    let unreadable =
        |error: std::io::Error| refuse(500, format!("The data cannot be read: {error}"));
    let mut file = File::open(state.data_path(&id)).map_err(unreadable)?;
    let (status, first, last) = match range {
        Some((first, last)) => (StatusCode::PARTIAL_CONTENT, first, last),
        None => (StatusCode::OK, 0, size.saturating_sub(1)),
    };
    file.seek(SeekFrom::Start(first)).map_err(unreadable)?;
    let length = if size == 0 { 0 } else { last - first + 1 };
    let reader = tokio::fs::File::from_std(file).take(length);
    let mut response = (status, Body::from_stream(ReaderStream::new(reader))).into_response();
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    // The whole image's, also on a range.
    if let Some(md5) = record["checksum"].as_str().and_then(|md5| md5.parse().ok()) {
        headers.insert(HeaderName::from_static("content-md5"), md5);
    }
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = format!("bytes {first}-{last}/{size}").parse()
    {
        headers.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// Data on its way in. Whatever ends it early takes the image back to where it was: a client that
/// goes away drops this.
struct Intake<'a> {
    state: &'a State,
    id: &'a str,
    /// None once all is well.
    back_to: Option<&'static str>,
    fault: Option<Fault>,
    cut: CancellationToken,
    meter: BodyMeter,
}

struct ReceivedData {
    bytes: u64,
    /// The start of the data, for the format check.
    head: Vec<u8>,
    hashes: Option<Hashes>,
}

impl Intake<'_> {
    async fn receive(
        &mut self,
        mut body: Body,
        path: std::path::PathBuf,
    ) -> Result<ReceivedData, Refusal> {
        let broken = |error: &dyn std::fmt::Display| {
            refuse(500, format!("The data cannot be stored: {error}"))
        };
        let options = &self.state.options;
        let keep = !options.discard;
        let mut file = keep.then(|| File::create(&path)).transpose().map_err(|e| broken(&e))?;
        let algo = self.hash_algo();
        let mut data =
            ReceivedData { bytes: 0, head: Vec::new(), hashes: keep.then(|| Hashes::new(&algo)) };
        loop {
            self.interfere(data.bytes).await;
            let Some(frame) = body.frame().await else { break };
            let frame = frame.map_err(|error| broken(&error))?;
            let Ok(bytes) = frame.into_data() else { continue };
            self.meter.add(bytes.len());
            let bytes = self.damaged(bytes, data.bytes);
            data.bytes += bytes.len() as u64;
            if options.image_size_cap.is_some_and(|cap| data.bytes > cap) {
                let text = "The incoming image is too large: The provided image is too large.";
                return Err(refuse(413, text));
            }
            let missing = format_check::HEAD_BYTES.saturating_sub(data.head.len());
            data.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
            if let Some(hashes) = &mut data.hashes {
                hashes.update(&bytes);
            }
            if let Some(file) = &mut file {
                file.write_all(&bytes).map_err(|error| broken(&error))?;
            }
        }
        Ok(data)
    }

    /// A fault that is due after so many bytes.
    async fn interfere(&mut self, bytes: u64) {
        match self.fault {
            Some(Fault::DropAfter(after)) if bytes >= after => {
                self.undo();
                cut_off(&self.cut).await;
            }
            Some(Fault::Stall { after, duration }) if bytes >= after => {
                self.fault = None;
                tokio::time::sleep(duration).await;
            }
            _ => {}
        }
    }

    fn damaged(&self, bytes: Bytes, at: u64) -> Bytes {
        let Some(Fault::CorruptByte(offset)) = self.fault else { return bytes };
        match offset.checked_sub(at).and_then(|offset| usize::try_from(offset).ok()) {
            Some(index) if index < bytes.len() => {
                let mut damaged = bytes.to_vec();
                damaged[index] ^= 1;
                damaged.into()
            }
            _ => bytes,
        }
    }

    fn hash_algo(&self) -> String {
        match &self.fault {
            Some(Fault::HashAlgo(name)) => name.clone(),
            _ => self.state.options.hash_algo.clone(),
        }
    }

    fn check_size(&self, declared: Option<u64>, bytes: u64) -> Result<(), Refusal> {
        match declared {
            Some(declared) if declared != bytes => Err(refuse(
                400,
                format!("Size mismatch: expected {declared} bytes, got {bytes} bytes"),
            )),
            _ => Ok(()),
        }
    }

    fn activate(&mut self, data: ReceivedData, virtual_size: Option<u64>) -> Result<(), Refusal> {
        let algo = self.hash_algo();
        let (checksum, mut value) = match data.hashes {
            Some(hashes) => {
                let (checksum, value) = hashes.finish();
                (Some(checksum), Some(value))
            }
            None => (None, None),
        };
        if self.fault == Some(Fault::WrongHash) {
            value = value.map(|value| "0".repeat(value.len()));
        }
        let lie = u64::from(self.fault == Some(Fault::WrongSize));
        let no_hash = self.fault == Some(Fault::NoHash) || value.is_none();
        let set = |record: &mut Record| {
            record.insert("status".into(), "active".into());
            record.insert("size".into(), json!(data.bytes + lie));
            record.insert("virtual_size".into(), json!(virtual_size));
            if !no_hash {
                record.insert("checksum".into(), json!(checksum));
                record.insert("os_hash_algo".into(), json!(algo));
                record.insert("os_hash_value".into(), json!(value));
            }
            Ok(())
        };
        // Deleted while its data came in.
        self.state.change(self.id, set).map_err(|_| refuse(410, format!("{} is gone", self.id)))?;
        self.back_to = None;
        Ok(())
    }

    /// The partial data goes, the record is as it was.
    fn undo(&mut self) {
        if let Some(status) = self.back_to.take() {
            // Nothing to undo on an image that was deleted meanwhile.
            let _ = self.state.change(self.id, |record| {
                record.insert("status".into(), status.into());
                Ok(())
            });
            let _ = std::fs::remove_file(self.state.data_path(self.id));
            let _ = std::fs::remove_file(self.state.staged_path(self.id));
        }
    }
}

impl Drop for Intake<'_> {
    fn drop(&mut self) {
        self.undo();
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match given {
        Some("application/octet-stream") => Ok(()),
        Some(other) => Err(unsupported(other, &format!("Invalid content type {other}"))),
        None => Err(unsupported("${CONTENT_TYPE}", "Invalid content type None")),
    }
}

/// `x-openstack-image-size`, else `Content-Length`.
fn declared_size(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let number = |name: &str| {
        let text = headers.get(name)?.to_str().ok()?;
        Some(
            text.parse::<u64>().map_err(|_| refuse(400, format!("{name} is not a number: {text}"))),
        )
    };
    number("x-openstack-image-size").or_else(|| number("content-length")).transpose()
}

/// Checked once, before the body, in whole MiB.
fn check_quota(state: &State, declared: Option<u64>) -> Result<(), Refusal> {
    let used = used(state);
    let quota = state.options.quota;
    for (name, limit, used, needed) in [
        ("image_size_total", quota.image_size_total, used.mib, declared.unwrap_or(0) >> 20),
        ("image_count_uploading", quota.image_count_uploading, used.uploading, 1),
    ] {
        if let Some(limit) = limit
            && i64::try_from(used + needed).unwrap_or(i64::MAX) > limit
        {
            return Err(over_quota(name, limit, used, needed));
        }
    }
    Ok(())
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
    let bad = |why: &str| refuse(416, format!("The Range requested is not available.\n\n {why}"));
    let range = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let (first, last) = range.ok_or_else(|| bad("Invalid Range header."))?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| bad("Invalid Range header."));
    let end = size.saturating_sub(1);
    let (first, last) = match (first, last) {
        ("", count) => (size.saturating_sub(number(count)?), end),
        (first, "") => (number(first)?, end),
        (first, last) => (number(first)?, number(last)?.min(end)),
    };
    if first >= size || first > last {
        return Err(bad(&format!(
            "Invalid start position in Range header. Start position MUST be in the inclusive range \
             [0, {end}]."
        )));
    }
    Ok((first, last))
}
