//! Uploads of image data.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use http::{HeaderMap, StatusCode, header};
use tokio_util::sync::CancellationToken;

use super::images::over_quota;
use super::info::used;
use crate::body_meter::BodyMeter;
use crate::faults::Scripted;
use crate::image::Record;
use crate::policy::Caller;
use crate::response::{Refusal, refuse, unsupported};
use crate::state::State;
use crate::upload::{Upload, hash_algo};

/// `PUT /v2/images/{id}/file`.
#[expect(clippy::too_many_arguments, reason = "axum hands over what a call needs one by one")]
pub(super) async fn upload(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Extension(Scripted(fault)): Extension<Scripted>,
    Extension(cut): Extension<CancellationToken>,
    Extension(meter): Extension<BodyMeter>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    check_media_type(&headers)?;
    let declared = declared_size(&headers)?;
    let image = state.image(&caller, &id)?;
    caller.require_owner(&image, "upload_image")?;
    let store = store_of(&state, &headers)?;
    check_formats(&image.record)?;
    check_quota(&state, &caller, declared)?;
    let image = state.transit(&id, "queued", "saving")?;
    let mut upload = Upload { state: &state, id: &id, is_open: true, fault, cut, meter };
    if store.is_some() && store == state.options.http_store {
        return Err(refuse(
            410,
            "Error in store configuration. Adding images to store is disabled.",
        ));
    }
    let received = upload.receive(body, state.data_path(&id)).await?;
    check_size(declared, received.bytes())?;
    let virtual_size = received
        .check(&image.record, &state.options)
        .map_err(|reason| unsupported("application/octet-stream", &reason))?;
    let fault = upload.fault.clone();
    let algo = hash_algo(&state, fault.as_ref());
    upload.complete(|image| {
        received.describe(image, &algo, virtual_size, fault.as_ref());
        image.set("status", "active");
        let stores: Vec<String> = store.into_iter().collect();
        image.set_stores(&stores);
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v2/images/{id}/stage`: data is neither hashed nor checked before the import.
#[expect(clippy::too_many_arguments, reason = "axum hands over what a call needs one by one")]
pub(super) async fn stage(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Extension(Scripted(fault)): Extension<Scripted>,
    Extension(cut): Extension<CancellationToken>,
    Extension(meter): Extension<BodyMeter>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    check_media_type(&headers)?;
    let declared = declared_size(&headers)?;
    let image = state.image(&caller, &id)?;
    caller.require_owner(&image, "modify_image")?;
    check_quota(&state, &caller, declared)?;
    state.transit(&id, "queued", "uploading")?;
    let mut upload = Upload { state: &state, id: &id, is_open: true, fault, cut, meter };
    let received = upload.receive(body, state.staged_path(&id)).await?;
    check_size(declared, received.bytes())?;
    upload.complete(|image| image.set("size", received.bytes()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The store in the header, or the default one; none without multi-store.
fn store_of(state: &State, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(default) = state.options.default_store() else { return Ok(None) };
    let named = headers.get("x-image-meta-store").and_then(|store| store.to_str().ok());
    let store = named.unwrap_or(default);
    if state.options.all_stores().contains(&store) {
        Ok(Some(store.to_owned()))
    } else {
        Err(refuse(400, format!("Store for identifier {store} not found")))
    }
}

fn check_formats(record: &Record) -> Result<(), Refusal> {
    let formats = ["disk_format", "container_format"];
    let missing: Vec<&str> = formats.into_iter().filter(|key| record[*key].is_null()).collect();
    let noun = match missing.len() {
        0 => return Ok(()),
        1 => "Property",
        _ => "Properties",
    };
    let missing = missing.join(", ");
    Err(refuse(400, format!("{noun} {missing} must be set prior to saving data.")))
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match given {
        Some("application/octet-stream") => Ok(()),
        Some(other) => Err(unsupported(other, &format!("Invalid content type {other}"))),
        None => Err(unsupported("${CONTENT_TYPE}", "Invalid content type None")),
    }
}

/// `x-openstack-image-size`, or else `Content-Length`.
fn declared_size(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let number = |name: &str| {
        let text = headers.get(name)?.to_str().ok()?;
        let bad = |_| refuse(400, "Invalid or missing image size in request headers.");
        Some(text.parse::<u64>().map_err(bad))
    };
    number("x-openstack-image-size").or_else(|| number("content-length")).transpose()
}

fn check_size(declared: Option<u64>, bytes: u64) -> Result<(), Refusal> {
    let what = match declared {
        Some(declared) if declared < bytes => "Size exceeds",
        Some(declared) if declared > bytes => "Size mismatch",
        _ => return Ok(()),
    };
    let declared = declared.unwrap_or(0);
    Err(refuse(400, format!("{what}: expected {declared} bytes, got {bytes} bytes")))
}

/// Checks the quotas once, before the body, in MiB rounded down.
fn check_quota(state: &State, caller: &Caller, declared: Option<u64>) -> Result<(), Refusal> {
    let used = used(state, caller);
    let quota = state.options.quota;
    for (name, limit, used, needed) in [
        ("image_size_total", quota.image_size_total, used.mib, declared.unwrap_or(0) >> 20),
        ("image_count_uploading", quota.image_count_uploading, used.uploading, 1),
    ] {
        if let Some(limit) = limit
            && i64::try_from(used + needed).unwrap_or(i64::MAX) > limit
        {
            return Err(over_quota(caller, name, limit, used, needed));
        }
    }
    Ok(())
}
