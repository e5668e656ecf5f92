//! Uploads: receiving the data of an image, and completing its record.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::body_meter::{BodyMeter, cut_off};
use crate::faults::Fault;
use crate::files;
use crate::format_check::{self, Sample};
use crate::hashing::Hashes;
use crate::image::{Image, Record};
use crate::options::SandboxOptions;
use crate::response::{Refusal, refuse};
use crate::state::State;

/// A running upload. If it ends early, the image returns to `queued`: a client that disconnects drops this
/// value.
pub(crate) struct Upload<'a> {
    pub(crate) state: &'a State,
    pub(crate) id: &'a str,
    /// Whether the image has to return to `queued`.
    pub(crate) is_open: bool,
    pub(crate) fault: Option<Fault>,
    pub(crate) cut: CancellationToken,
    pub(crate) meter: BodyMeter,
}

/// The received data.
pub(crate) struct Data {
    /// What the format check reads.
    sample: Sample,
    /// None if the server discards data.
    hashes: Option<Hashes>,
}

impl Data {
    pub(crate) fn new(algo: &str, keep: bool) -> Self {
        Data { sample: Sample::default(), hashes: keep.then(|| Hashes::new(algo)) }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.sample.size()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.sample.push(bytes);
        if let Some(hashes) = &mut self.hashes {
            hashes.update(bytes);
        }
    }

    /// Reads a file of the service.
    pub(crate) fn of_file(path: &Path, algo: &str) -> std::io::Result<Self> {
        let mut data = Data::new(algo, true);
        let mut file = files::open(path)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(data);
            }
            data.push(&buffer[..count]);
        }
    }

    /// The virtual size, or the reason why a record with these formats refuses the data.
    pub(crate) fn check(
        &self,
        record: &Record,
        options: &SandboxOptions,
    ) -> Result<Option<u64>, String> {
        match (&record["container_format"], &record["disk_format"]) {
            (Value::String(container), Value::String(disk)) if container == "bare" => {
                match format_check::check(&self.sample, disk) {
                    Err(_) if options.accept_any_format => Ok(None),
                    checked => checked,
                }
            }
            _ => Ok(None),
        }
    }

    /// Sets size and hashes in the record.
    pub(crate) fn describe(
        self,
        image: &mut Image,
        algo: &str,
        virtual_size: Option<u64>,
        fault: Option<&Fault>,
    ) {
        let lie = u64::from(fault == Some(&Fault::WrongSize));
        image.set("size", self.bytes() + lie);
        image.set("virtual_size", json!(virtual_size));
        let Some(hashes) = self.hashes.filter(|_| fault != Some(&Fault::NoHash)) else { return };
        let (checksum, mut value) = hashes.finish();
        if fault == Some(&Fault::WrongHash) {
            value = "0".repeat(value.len());
        }
        match fault {
            Some(Fault::ImportConverts(format)) => image.set("disk_format", &**format),
            Some(Fault::ImportConvertsWrongly) => image.set("disk_format", "raw"),
            _ => {}
        }
        image.set("checksum", checksum);
        image.set("os_hash_algo", algo);
        image.set("os_hash_value", value);
    }
}

/// The name of the secure hash, which a fault may replace.
pub(crate) fn hash_algo(state: &State, fault: Option<&Fault>) -> String {
    match fault {
        Some(Fault::HashAlgo(name)) => name.clone(),
        _ => state.options.hash_algo.clone(),
    }
}

impl Upload<'_> {
    pub(crate) async fn receive(&mut self, mut body: Body, path: PathBuf) -> Result<Data, Refusal> {
        let broken = |error: &dyn std::fmt::Display| {
            refuse(500, format!("The data cannot be stored: {error}"))
        };
        let keep = !self.state.options.discard;
        let mut file = keep.then(|| files::create(&path)).transpose().map_err(|e| broken(&e))?;
        let algo = hash_algo(self.state, self.fault.as_ref());
        let mut data = Data::new(&algo, keep);
        loop {
            self.interfere(data.bytes()).await;
            let Some(frame) = body.frame().await else { break };
            let frame = frame.map_err(|error| broken(&error))?;
            let Ok(bytes) = frame.into_data() else { continue };
            self.meter.add(bytes.len());
            let bytes = self.damaged(bytes, data.bytes());
            data.push(&bytes);
            if self.state.options.image_size_cap.is_some_and(|cap| data.bytes() > cap) {
                let text = "The incoming image is too large: The provided image is too large.";
                return Err(refuse(413, text));
            }
            if let Some(file) = &mut file {
                file.write_all(&bytes).map_err(|error| broken(&error))?;
            }
        }
        Ok(data)
    }

    /// Applies a fault that is due after this number of bytes.
    async fn interfere(&mut self, bytes: u64) {
        match self.fault {
            Some(Fault::DropAfter(after)) if bytes >= after => {
                self.undo();
                cut_off(&self.cut).await;
            }
            Some(Fault::Forget(after)) if bytes >= after => {
                self.is_open = false;
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

    /// Completes the upload with a last change of the record.
    pub(crate) fn complete(&mut self, change: impl FnOnce(&mut Image)) -> Result<(), Refusal> {
        let changed = self.state.change(self.id, |image| {
            change(image);
            Ok(())
        });
        // The image was deleted during the upload.
        changed.map_err(|_| refuse(410, format!("{} is gone", self.id)))?;
        self.is_open = false;
        Ok(())
    }

    /// Deletes the partial data and reverts the record.
    fn undo(&mut self) {
        if std::mem::take(&mut self.is_open) {
            // There is nothing to revert if the image was deleted in the meantime.
            let _ = self.state.change(self.id, |image| {
                image.set("status", "queued");
                Ok(())
            });
            let _ = std::fs::remove_file(self.state.data_path(self.id));
            let _ = std::fs::remove_file(self.state.staged_path(self.id));
        }
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        self.undo();
    }
}
