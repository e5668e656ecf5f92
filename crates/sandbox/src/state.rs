//! The state of the service: in memory, and in the folder as one JSON file and one data file per image.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::directory::{Directory, Token};
use crate::faults::{Fault, Operation, PlannedFault};
use crate::files;
use crate::image::Image;
use crate::metadefs::Metadefs;
use crate::options::SandboxOptions;
use crate::policy::Caller;
use crate::request_log::Received;
use crate::response::{Refusal, no_image, refuse};
use crate::task::Task;

/// The state of the service.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: SandboxOptions,
    /// The address of the service.
    pub(crate) url: String,
    dir: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// Shared, so that a list needs neither copies of records nor the lock.
    pub(crate) images: BTreeMap<String, Arc<Image>>,
    /// Ids of deleted images: Glance keeps them, and does not allow them again.
    pub(crate) gone: HashSet<String>,
    /// In the order of creation; expired ones are removed.
    pub(crate) tasks: Vec<Task>,
    pub(crate) cache: Cache,
    pub(crate) metadefs: Metadefs,
    /// The users, and who may log in.
    pub(crate) directory: Directory,
    /// Tokens by their text.
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) faults: Vec<PlannedFault>,
    pub(crate) journal: VecDeque<Received>,
}

/// The number of requests that the log keeps.
const LOG_LIMIT: usize = 100_000;

impl Inner {
    /// Adds to the log, which keeps the newest requests.
    pub(crate) fn log(&mut self, received: Received) {
        if self.journal.len() >= LOG_LIMIT {
            self.journal.pop_front();
        }
        self.journal.push_back(received);
    }
}

/// The content of the cache: image, time of caching, and size.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    pub(crate) entries: Vec<(u64, String, u64, u64)>,
    /// The number of the last entry; numbers are not reused.
    pub(crate) made: u64,
}

impl Cache {
    fn to_json(&self) -> Value {
        json!({"entries": self.entries, "made": self.made})
    }

    fn from_json(value: &Value) -> Self {
        let entry = |it: &Value| {
            let image = it[1].as_str()?.to_owned();
            Some((it[0].as_u64()?, image, it[2].as_u64()?, it[3].as_u64()?))
        };
        let entries = value["entries"].as_array().into_iter().flatten().filter_map(entry);
        Cache { entries: entries.collect(), made: value["made"].as_u64().unwrap_or(0) }
    }
}

impl State {
    /// Reads the state of an earlier run. An upload that it did not finish stays `saving`, as in Glance.
    pub(crate) fn open(
        options: SandboxOptions,
        dir: PathBuf,
        url: String,
    ) -> std::io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        let mut images = BTreeMap::new();
        let mut gone = HashSet::new();
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            // A link may lead out of the folder.
            if !entry.file_type()?.is_file() {
                continue;
            }
            let path = entry.path();
            let id = path.file_stem().map(|id| id.to_string_lossy().into_owned());
            if path.extension().is_some_and(|ending| ending == GONE) {
                gone.extend(id);
            } else if path.extension().is_some_and(|ending| ending == "json") {
                let kept: Value = serde_json::from_slice(&files::read(&path)?)?;
                if let Some(image) = Image::from_json(&kept) {
                    images.insert(image.id().to_owned(), Arc::new(image));
                }
            }
        }
        let directory = options.users.0.clone();
        let kept = |name: &str| match files::read(&dir.join(name)) {
            Ok(kept) => Ok(serde_json::from_slice::<Value>(&kept)?),
            Err(_) => Ok::<Value, std::io::Error>(Value::Null),
        };
        let metadefs = Metadefs::from_json(&kept(METADEFS)?);
        let work = kept(WORK)?;
        let tasks = work["tasks"].as_array().into_iter().flatten();
        let tasks = tasks.filter_map(Task::from_json).collect();
        let cache = Cache::from_json(&work["cache"]);
        let inner = Inner { images, gone, tasks, cache, directory, metadefs, ..Inner::default() };
        let inner = Mutex::new(inner);
        Ok(State { options, url, dir, inner })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Locks the complete state; no request holds the lock while it waits.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An image that the caller can see.
    pub(crate) fn image(&self, caller: &Caller, id: &str) -> Result<Arc<Image>, Refusal> {
        let image = self.lock().images.get(id).cloned();
        image.filter(|image| caller.sees(image)).ok_or_else(|| no_image(id))
    }

    /// Changes an image, writes it, and returns it.
    pub(crate) fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Image) -> Result<(), Refusal>,
    ) -> Result<Arc<Image>, Refusal> {
        let mut inner = self.lock();
        let mut image = Image::clone(inner.images.get(id).ok_or_else(|| no_image(id))?);
        change(&mut image)?;
        image.touch();
        self.write(&image)?;
        let image = Arc::new(image);
        inner.images.insert(id.to_owned(), Arc::clone(&image));
        Ok(image)
    }

    /// Adds an image with an id that was never used.
    pub(crate) fn add(&self, image: Image) -> Result<Arc<Image>, Refusal> {
        let mut inner = self.lock();
        if inner.images.contains_key(image.id()) || inner.gone.contains(image.id()) {
            return Err(refuse(409, format!("Image ID {} already exists!", image.id())));
        }
        self.write(&image)?;
        let image = Arc::new(image);
        inner.images.insert(image.id().to_owned(), Arc::clone(&image));
        Ok(image)
    }

    /// Removes an image and its data.
    pub(crate) fn remove(&self, id: &str) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let Some(image) = inner.images.get(id) else {
            return Err(refuse(404, format!("Failed to find image {id} to delete")));
        };
        if image.record["protected"] == json!(true) {
            return Err(refuse(403, format!("Image {id} is protected and cannot be deleted.")));
        }
        let failed = |error| refuse(500, format!("The record cannot be removed: {error}"));
        files::create(&self.dir.join(id).with_extension(GONE)).map_err(failed)?;
        inner.images.remove(id);
        inner.gone.insert(id.to_owned());
        let cached = inner.cache.entries.len();
        inner.cache.entries.retain(|(_, image, ..)| image != id);
        if inner.cache.entries.len() != cached {
            self.write_work(&inner);
        }
        for path in [self.record_path(id), self.data_path(id), self.staged_path(id)] {
            // The file may not exist.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// Changes the status of an image, or refuses with Glance's message.
    pub(crate) fn transit(&self, id: &str, from: &str, to: &str) -> Result<Arc<Image>, Refusal> {
        self.change(id, |image| {
            let status = image.status();
            if status != from {
                let text = format!("Image status transition from {status} to {to} is not allowed");
                return Err(refuse(409, text));
            }
            image.set("status", to);
            Ok(())
        })
    }

    /// Changes the metadata definitions and writes them.
    pub(crate) fn change_metadefs<T>(
        &self,
        change: impl FnOnce(&mut Metadefs) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut inner = self.lock();
        let mut metadefs = inner.metadefs.clone();
        let done = change(&mut metadefs)?;
        self.write_file(METADEFS, &metadefs.to_json())?;
        inner.metadefs = metadefs;
        Ok(done)
    }

    /// Changes a task, if it still exists.
    pub(crate) fn change_task(&self, id: &str, change: impl FnOnce(&mut Task)) {
        self.change_work(|inner| {
            if let Some(task) = inner.tasks.iter_mut().find(|task| task.id == id) {
                change(task);
            }
        });
    }

    /// Changes tasks or the cache, and writes both.
    pub(crate) fn change_work<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let done = change(&mut inner);
        self.write_work(&inner);
        done
    }

    fn write_work(&self, inner: &Inner) {
        let tasks: Vec<Value> = inner.tasks.iter().map(Task::to_json).collect();
        // A task that cannot be written is lost at the next start only.
        let _ = self.write_file(WORK, &json!({"tasks": tasks, "cache": inner.cache.to_json()}));
    }

    /// The next fault for this request.
    pub(crate) fn next_fault(&self, operation: Option<Operation>, path: &str) -> Option<Fault> {
        let mut inner = self.lock();
        let id = path.strip_prefix("/v2/images/").and_then(|rest| rest.split('/').next());
        let name = id.and_then(|id| inner.images.get(id)).map(|image| image.text("name"));
        let fits = |planned: &PlannedFault| {
            let is_operation =
                planned.operation == Operation::Any || Some(planned.operation) == operation;
            let image = planned.image.as_deref();
            is_operation && (image.is_none() || image == id || image == name)
        };
        let at = inner.faults.iter().position(fits)?;
        Some(inner.faults.remove(at).fault)
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

    /// Writes to a temporary name first, so that after a kill either the old or the new record exists.
    fn write(&self, image: &Image) -> Result<(), Refusal> {
        self.write_file(&format!("{}.json", image.id()), &image.to_json())
    }

    fn write_file(&self, name: &str, content: &Value) -> Result<(), Refusal> {
        let (path, fresh) = (self.dir.join(name), self.dir.join(format!("{name}.new")));
        files::create(&fresh)
            .and_then(|mut file| file.write_all(content.to_string().as_bytes()))
            .and_then(|()| std::fs::rename(&fresh, &path))
            .map_err(|error| refuse(500, format!("The record cannot be written: {error}")))
    }
}

/// The file of the tasks and the cache.
const WORK: &str = "work.json";
/// The file of the metadata definitions.
const METADEFS: &str = "metadefs.json";

/// The extension of the file that marks the id of a deleted image.
const GONE: &str = "gone";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_newest_requests() {
        let mut inner = Inner::default();
        for number in 0..=LOG_LIMIT {
            inner.log(Received {
                method: "GET".to_owned(),
                path: number.to_string(),
                query: None,
                headers: Vec::new(),
                body_bytes: 0,
                largest_piece: 0,
                status: None,
            });
        }
        assert_eq!(inner.journal.len(), LOG_LIMIT);
        assert_eq!(inner.journal[0].path, "1");
    }
}
