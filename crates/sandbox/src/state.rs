//! The records: in memory, and in the folder as one JSON file and one data file an image.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use serde_json::{Map, Value, json};

use crate::answer::{Refusal, no_image, refuse};
use crate::faults::{Fault, Operation};
use crate::journal::Received;
use crate::options::SandboxOptions;

/// The record of an image as it goes over the wire.
pub(crate) type Record = Map<String, Value>;

/// All that the service knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: SandboxOptions,
    /// The service's own address.
    pub(crate) url: String,
    dir: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) images: BTreeMap<String, Record>,
    /// Tokens that are good, until when.
    pub(crate) tokens: HashMap<String, Instant>,
    pub(crate) faults: Vec<(Operation, Fault)>,
    pub(crate) journal: Vec<Received>,
}

impl State {
    /// Reads what an earlier run left. An upload that it did not finish stays `saving`, as it does in
    /// Glance.
    pub(crate) fn open(
        options: SandboxOptions,
        dir: PathBuf,
        url: String,
    ) -> std::io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        let mut images = BTreeMap::new();
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                let record: Record = serde_json::from_slice(&std::fs::read(&path)?)?;
                if let Some(id) = record["id"].as_str() {
                    images.insert(id.to_owned(), record);
                }
            }
        }
        let inner = Mutex::new(Inner { images, ..Inner::default() });
        Ok(State { options, url, dir, inner })
    }

    /// Everything under one lock; no request holds it while it waits.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of an image.
    pub(crate) fn image(&self, id: &str) -> Result<Record, Refusal> {
        self.lock().images.get(id).cloned().ok_or_else(|| no_image(id))
    }

    /// Changes a record and writes it; the changed record.
    pub(crate) fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Record) -> Result<(), Refusal>,
    ) -> Result<Record, Refusal> {
        let mut inner = self.lock();
        let mut record = inner.images.get(id).cloned().ok_or_else(|| no_image(id))?;
        change(&mut record)?;
        record.insert("updated_at".into(), now().into());
        self.write(id, &record)?;
        inner.images.insert(id.to_owned(), record.clone());
        Ok(record)
    }

    /// Adds a record.
    pub(crate) fn add(&self, record: Record) -> Result<Record, Refusal> {
        let id = record["id"].as_str().unwrap_or_default().to_owned();
        let mut inner = self.lock();
        if inner.images.contains_key(&id) {
            return Err(refuse(409, format!("Image ID {id} already exists!")));
        }
        self.write(&id, &record)?;
        inner.images.insert(id, record.clone());
        Ok(record)
    }

    /// Removes a record and its data.
    pub(crate) fn remove(&self, id: &str) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let Some(record) = inner.images.get(id) else {
            return Err(refuse(404, format!("Failed to find image {id} to delete")));
        };
        if record["protected"] == json!(true) {
            return Err(refuse(403, format!("Image {id} is protected and cannot be deleted.")));
        }
        inner.images.remove(id);
        for path in [self.record_path(id), self.data_path(id), self.staged_path(id)] {
            // What is not there need not be removed.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// Takes an image from one status to another, refusing in Glance's words.
    pub(crate) fn transit(&self, id: &str, from: &str, to: &str) -> Result<Record, Refusal> {
        self.change(id, |record| {
            let status = record["status"].as_str().unwrap_or_default();
            if status != from {
                let text = format!("Image status transition from {status} to {to} is not allowed");
                return Err(refuse(409, text));
            }
            record.insert("status".into(), to.into());
            Ok(())
        })
    }

    /// The next fault for a request of that kind.
    pub(crate) fn next_fault(&self, operation: Option<Operation>) -> Option<Fault> {
        let mut inner = self.lock();
        let fits = |wanted: Operation| wanted == Operation::Any || Some(wanted) == operation;
        let at = inner.faults.iter().position(|(wanted, _)| fits(*wanted))?;
        Some(inner.faults.remove(at).1)
    }

    pub(crate) fn data_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.data"))
    }

    pub(crate) fn staged_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.staged"))
    }

    fn record_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }

    /// Under another name first, so that a kill leaves the old record or the new one.
    fn write(&self, id: &str, record: &Record) -> Result<(), Refusal> {
        let (path, fresh) = (self.record_path(id), self.dir.join(format!("{id}.json.new")));
        std::fs::write(&fresh, Value::Object(record.clone()).to_string())
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|error| refuse(500, format!("The record cannot be written: {error}")))
    }
}

/// Now, as records show it.
pub(crate) fn now() -> String {
    timestamp(SystemTime::now())
}

/// ISO 8601 in seconds, UTC.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days to a date: Howard Hinnant, "chrono-compatible low-level date algorithms".
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn timestamps_are_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(super::timestamp(time), text);
        }
    }
}
