//! The task of an import: staging, stores, and the roll-back after a failure.
//!
//! The stores receive the data one after another. If one fails and all had to succeed, the flow is rolled
//! back step by step, and each step reverts only its own changes. So a failed `glance-direct` leaves the
//! image `importing`, because none of its steps sets another status.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use super::job::{Gone, Job, WARM_UP};
use super::plugins;
use crate::directory::REGIONS;
use crate::faults::Fault;
use crate::fetch::{self, Redirects};
use crate::files;
use crate::image::{Image, Record};
use crate::policy::Caller;
use crate::state::State;
use crate::upload::{Data, hash_algo};

const IMPORTING: &str = "os_glance_importing_to_stores";
const FAILED: &str = "os_glance_failed_import";

/// Prefixes of the properties that `glance-download` copies: Glance's default.
const COPIED_PREFIXES: [&str; 5] = ["hw_", "trait:", "os_distro", "os_secure_boot", "os_type"];

/// The minimum time that an image is `importing`, so that a polling client can see it. In Glance it is 0.2 s
/// for the smallest image.
const PAUSE: Duration = Duration::from_millis(50);

/// The source of the data.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// `glance-direct`.
    Staged,
    /// `web-download`.
    Web(String),
    /// `glance-download`.
    Glance { region: String, image: String, interface: String },
    /// `copy-image`.
    Own,
}

/// An accepted import.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) state: Arc<State>,
    pub(crate) caller: Caller,
    pub(crate) task: String,
    pub(crate) image: String,
    pub(crate) source: Source,
    /// In the order in which they receive the data; one store without a name if there is no multi-store.
    pub(crate) stores: Vec<String>,
    pub(crate) all_must_succeed: bool,
    pub(crate) fault: Option<Fault>,
}

/// The step that failed.
enum ImportFailure {
    Gone,
    /// Before the data arrived.
    Source,
    /// While it was downloaded.
    Download,
    /// At the store with this index.
    Store(usize),
    /// Every store failed where one was enough.
    NoStore,
}

impl From<Gone> for ImportFailure {
    fn from(_: Gone) -> Self {
        ImportFailure::Gone
    }
}

impl Import {
    pub(crate) async fn run(self) {
        tokio::time::sleep(WARM_UP).await;
        let job = Job {
            state: Arc::clone(&self.state),
            task: self.task.clone(),
            image: self.image.clone(),
        };
        job.processing();
        let done = self.flow(&job).await;
        // A copy reads the data in place; all other methods staged it.
        let _ = std::fs::remove_file(self.state.staged_path(&self.image));
        match done {
            Ok(()) => {}
            Err(failure) => self.roll_back(&job, &failure),
        }
    }

    async fn flow(&self, job: &Job) -> Result<(), ImportFailure> {
        job.change(|image| {
            if !matches!(self.source, Source::Own) {
                image.set("status", "importing");
            }
            let mut importing = image.listed(IMPORTING);
            importing.extend(self.stores.iter().filter(|store| !store.is_empty()).cloned());
            image.list(IMPORTING, importing);
            self.mark_failed(image, &[]);
        })?;
        let pause = match &self.fault {
            Some(Fault::ImportSlow(duration)) => *duration,
            _ => PAUSE,
        };
        tokio::time::sleep(pause).await;
        self.stage_data(job).await?;
        let mut active = false;
        for (number, store) in self.stores.iter().enumerate() {
            let is_last = number + 1 == self.stores.len();
            active |= self.store(job, number, store, is_last || !self.all_must_succeed).await?;
        }
        if !active && !matches!(self.source, Source::Own) {
            return Err(ImportFailure::NoStore);
        }
        job.succeed().await?;
        Ok(())
    }

    /// Stages the data.
    async fn stage_data(&self, job: &Job) -> Result<(), ImportFailure> {
        let fails = self.fault == Some(Fault::ImportFails);
        match &self.source {
            Source::Staged | Source::Own => Ok(()),
            Source::Web(_) if fails => Err(ImportFailure::Download),
            Source::Web(uri) => self.download(uri).await.map_err(|_| ImportFailure::Download),
            Source::Glance { region, image, interface } => {
                let known = REGIONS.iter().any(|known| known.eq_ignore_ascii_case(region))
                    && matches!(interface.as_str(), "public" | "internal" | "admin");
                let source = self.state.image(&self.caller, image).ok();
                let source = source.filter(|source| known && source.status() == "active");
                let Some(source) = source else { return Err(ImportFailure::Source) };
                job.change(|image| {
                    for key in ["disk_format", "container_format"] {
                        image.set(key, source.record[key].clone());
                    }
                    for (key, value) in &source.record {
                        if COPIED_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
                            image.set(key, value.clone());
                        }
                    }
                })?;
                let copied = match source.urls.last() {
                    _ if fails => Err("told to fail".to_owned()),
                    Some(url) => self.download(url).await,
                    None => {
                        let from = self.state.data_path(image);
                        let to = self.state.staged_path(&self.image);
                        files::open(&from)
                            .and_then(|mut from| std::io::copy(&mut from, &mut files::create(&to)?))
                            .map(drop)
                            .map_err(|e| e.to_string())
                    }
                };
                copied.map_err(|_| ImportFailure::Download)
            }
        }
    }

    async fn download(&self, uri: &str) -> Result<(), String> {
        let mut response =
            fetch::open(uri, Redirects::Followed, &self.state.options.allowed_hosts).await?;
        let path = self.state.staged_path(&self.image);
        let file = files::create(&path).map_err(|e| e.to_string())?;
        let mut file = tokio::fs::File::from_std(file);
        while let Some(bytes) = response.chunk().await.map_err(|e| e.to_string())? {
            file.write_all(&bytes).await.map_err(|e| e.to_string())?;
        }
        file.flush().await.map_err(|e| e.to_string())
    }

    /// Writes the data to one store; returns whether that made the image active.
    async fn store(
        &self,
        job: &Job,
        number: usize,
        store: &str,
        activate: bool,
    ) -> Result<bool, ImportFailure> {
        let is_first_and_fails = number == 0
            && self.fault == Some(Fault::ImportFails)
            && matches!(self.source, Source::Staged | Source::Own);
        let is_read_only = self.state.options.http_store.as_deref() == Some(store);
        let record = job.change(|_| {})?.record.clone();
        let stored = if is_first_and_fails || is_read_only {
            Err("cannot be written to".to_owned())
        } else {
            self.put(&record).await
        };
        match stored {
            Ok((data, virtual_size)) => {
                let size = record["size"].as_u64().unwrap_or(0);
                job.copied(data.as_ref().map_or(size, Data::bytes));
                job.change(|image| {
                    let mut stores = image.stores();
                    stores.extend((!store.is_empty()).then(|| store.to_owned()));
                    image.set_stores(&self.state.options.in_order(stores));
                    if let Some(data) = data {
                        let algo = hash_algo(&self.state, self.fault.as_ref());
                        data.describe(image, &algo, virtual_size, self.fault.as_ref());
                    }
                    if activate && !matches!(self.source, Source::Own) {
                        image.set("status", "active");
                    }
                    done_with(image, store);
                })?;
                Ok(activate)
            }
            Err(_) if self.all_must_succeed => Err(ImportFailure::Store(number)),
            Err(_) => {
                job.change(|image| {
                    self.mark_failed(image, std::slice::from_ref(&self.stores[number]));
                    done_with(image, store);
                })?;
                Ok(false)
            }
        }
    }

    /// Checks and hashes the staged data and stores it. For a copy, and from the second store on, the record
    /// does not change.
    async fn put(&self, record: &Record) -> Result<(Option<Data>, Option<u64>), String> {
        let (staged, data) =
            (self.state.staged_path(&self.image), self.state.data_path(&self.image));
        if matches!(self.source, Source::Own) {
            return Ok((None, None));
        }
        if self.state.options.discard {
            return Ok((None, None));
        }
        let algo = hash_algo(&self.state, self.fault.as_ref());
        let from = if staged.exists() { staged.clone() } else { data.clone() };
        let (options, fault) = (self.state.options.clone(), self.fault.clone());
        let record = record.clone();
        let read = tokio::task::spawn_blocking(move || {
            let failed = |error: std::io::Error| error.to_string();
            if fault == Some(Fault::ImportDecompresses) {
                plugins::decompress(&from).map_err(failed)?;
            }
            let measured = Data::of_file(&from, &algo).map_err(failed)?;
            let virtual_size = measured.check(&record, &options)?;
            let disk_format = record["disk_format"].as_str().unwrap_or_default();
            match &fault {
                Some(Fault::ImportConverts(to)) => plugins::convert(&from, disk_format, to)?,
                Some(Fault::ImportConvertsWrongly) => {
                    plugins::convert(&from, disk_format, "raw")?;
                    plugins::damage(&from).map_err(failed)?;
                }
                _ => return Ok::<_, String>((measured, virtual_size)),
            }
            Ok((Data::of_file(&from, &algo).map_err(failed)?, virtual_size))
        });
        let (measured, virtual_size) = read.await.map_err(|e| e.to_string())??;
        if staged.exists() {
            std::fs::rename(staged, data).map_err(|error| error.to_string())?;
        }
        Ok((Some(measured), virtual_size))
    }

    fn roll_back(&self, job: &Job, failure: &ImportFailure) {
        match failure {
            ImportFailure::Gone => job.fail(|_| {}),
            // This step does not change the lists of stores.
            ImportFailure::Source => job.fail(back_to_queued),
            ImportFailure::Download => job.fail(|image| {
                back_to_queued(image);
                self.all_failed(image);
            }),
            ImportFailure::Store(number) => {
                let is_direct = matches!(self.source, Source::Staged);
                job.fail(|image| {
                    // Only executed steps are reverted: later stores stay in the list of a direct import.
                    let ran = &self.stores[..=*number];
                    self.remove_from(image, &ran[..*number]);
                    let mut importing = image.listed(IMPORTING);
                    importing.retain(|store| !ran.contains(store));
                    image.list(IMPORTING, importing);
                    self.mark_failed(image, &ran[*number..]);
                    match self.source {
                        Source::Own => self.all_failed(image),
                        _ if is_direct => {}
                        _ => {
                            back_to_queued(image);
                            self.all_failed(image);
                        }
                    }
                });
            }
            ImportFailure::NoStore => job.fail(|image| {
                back_to_queued(image);
                image.forget_data();
            }),
        }
    }

    fn all_failed(&self, image: &mut Image) {
        let mut importing = image.listed(IMPORTING);
        importing.retain(|store| !self.stores.contains(store));
        image.list(IMPORTING, importing);
        self.mark_failed(image, &self.stores);
    }

    /// Removes the data from stores; without any store left, size and hashes are removed too.
    fn remove_from(&self, image: &mut Image, stores: &[String]) {
        let mut left = image.stores();
        if stores.is_empty() || matches!(self.source, Source::Own) && left.is_empty() {
            return;
        }
        left.retain(|store| !stores.contains(store));
        image.set_stores(&left);
        if left.is_empty() {
            image.forget_data();
        }
    }

    /// Updates the list of failed stores: removes those of this import, and adds the given ones.
    fn mark_failed(&self, image: &mut Image, failed: &[String]) {
        let mut list = image.listed(FAILED);
        if failed.is_empty() {
            list.retain(|store| !self.stores.contains(store));
        }
        list.extend(failed.iter().filter(|store| !store.is_empty()).cloned());
        image.list(FAILED, list);
    }
}

/// Properties and formats that `glance-download` copied stay.
fn back_to_queued(image: &mut Image) {
    image.set("status", "queued");
    image.set("size", Value::Null);
    image.set("virtual_size", Value::Null);
}

fn done_with(image: &mut Image, store: &str) {
    let mut importing = image.listed(IMPORTING);
    importing.retain(|importing| importing != store);
    image.list(IMPORTING, importing);
}
