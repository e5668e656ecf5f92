//! The task that registers data on a web server as the data of an image.

use std::sync::Arc;

use serde_json::Value;

use super::job::{Gone, Job, WARM_UP};
use crate::fetch::{self, Redirects};
use crate::image::Image;
use crate::state::State;
use crate::upload::Data;

/// An accepted location.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) state: Arc<State>,
    pub(crate) task: String,
    pub(crate) image: String,
    pub(crate) url: String,
    /// Name and value of the expected hash.
    pub(crate) expected: Option<(String, String)>,
}

/// The reason for the failure of the task.
enum LocationFailure {
    Gone,
    /// Before any change.
    Unreachable,
    /// The location and the status stay.
    Refused,
    /// The data has another hash.
    Mismatch,
}

impl From<Gone> for LocationFailure {
    fn from(_: Gone) -> Self {
        LocationFailure::Gone
    }
}

impl Location {
    pub(crate) async fn run(self) {
        tokio::time::sleep(WARM_UP).await;
        let job = Job {
            state: Arc::clone(&self.state),
            task: self.task.clone(),
            image: self.image.clone(),
        };
        job.processing();
        match self.flow(&job).await {
            Ok(()) => {}
            Err(
                LocationFailure::Gone | LocationFailure::Unreachable | LocationFailure::Refused,
            ) => job.fail(|_| {}),
            // The http store removes no location: it stays in the image, and adding it again fails.
            Err(LocationFailure::Mismatch) => job.fail(|image| {
                image.forget_data();
                image.set("status", "queued");
            }),
        }
    }

    async fn flow(&self, job: &Job) -> Result<(), LocationFailure> {
        let known = job.change(|_| {})?;
        if known.urls.contains(&self.url) {
            return Err(LocationFailure::Unreachable);
        }
        let response =
            fetch::open(&self.url, Redirects::Refused, &self.state.options.allowed_hosts).await;
        let size = response.ok().and_then(|response| response.content_length());
        let Some(size) = size.filter(|size| *size > 0) else {
            return Err(LocationFailure::Unreachable);
        };
        let image = job.change(|image| {
            let store = self.state.options.http_store.clone();
            let stores: Vec<String> = image.stores().into_iter().chain(store).collect();
            if !self.state.options.stores.is_empty() {
                image.set_stores(&stores);
            }
            image.urls.push(self.url.clone());
            image.set("size", size);
        })?;
        if image.record["disk_format"].is_null() || image.record["container_format"].is_null() {
            return Err(LocationFailure::Refused);
        }
        match &self.expected {
            Some((algo, value)) => {
                job.change(|image| {
                    image.set("status", "importing");
                    image.set("os_hash_algo", algo.clone());
                })?;
                self.hash(job, algo).await.map_err(|_| LocationFailure::Mismatch)?;
                if job.change(|_| {})?.text("os_hash_value") != value {
                    return Err(LocationFailure::Mismatch);
                }
                job.change(|image| image.set("status", "active"))?;
            }
            // The image becomes active first and gets its hashes later; it gets none if the data cannot be
            // read.
            None => {
                job.change(|image| image.set("status", "active"))?;
                let algo = self.state.options.hash_algo.clone();
                job.change(|image| image.set("os_hash_algo", algo.clone()))?;
                // After a failure the name remains without a value, as in Glance.
                let _ = self.hash(job, &algo).await;
            }
        }
        job.succeed().await?;
        Ok(())
    }

    async fn hash(&self, job: &Job, algo: &str) -> Result<(), String> {
        let mut response =
            fetch::open(&self.url, Redirects::Refused, &self.state.options.allowed_hosts).await?;
        let mut data = Data::new(algo, true);
        while let Some(bytes) = response.chunk().await.map_err(|error| error.to_string())? {
            data.push(&bytes);
        }
        let size = data.bytes();
        let enter = |image: &mut Image| {
            data.describe(image, algo, None, None);
            image.set("size", size);
            image.set("virtual_size", Value::Null);
        };
        job.change(enter).map(drop).map_err(|Gone| "the image is gone".to_owned())
    }
}
