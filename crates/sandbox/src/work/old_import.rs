//! The task of the old import interface: it creates an image from data on a web server.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::job::{FAILED, WARM_UP};
use crate::fetch::{self, Redirects};
use crate::files;
use crate::image::{Image, Record};
use crate::policy::Caller;
use crate::state::State;
use crate::upload::Data;

/// An accepted task.
#[derive(Debug)]
pub(crate) struct OldImport {
    pub(crate) state: Arc<State>,
    pub(crate) caller: Caller,
    pub(crate) task: String,
    pub(crate) kind: &'static str,
    pub(crate) input: Value,
}

impl OldImport {
    pub(crate) async fn run(self) {
        tokio::time::sleep(WARM_UP).await;
        self.state.change_task(&self.task, |task| task.advance("processing"));
        let done = match self.missing() {
            Some(message) => Err(message),
            None => self.import().await.map_err(|_| FAILED.to_owned()),
        };
        self.state.change_task(&self.task, |task| match done {
            Ok(image) => {
                task.image = Some(image);
                task.advance("success");
            }
            Err(message) => {
                task.message = message;
                task.advance("failure");
            }
        });
    }

    /// The message about a field that is not given.
    fn missing(&self) -> Option<String> {
        let keys: &[&str] = match self.kind {
            "import" => &["import_from", "import_from_format", "image_properties"],
            "api_image_import" => return Some("Missing required 'image_id' field".to_owned()),
            _ => &["image_id", "loc_url", "validation_data"],
        };
        let key = keys.iter().find(|key| self.input.get(**key).is_none_or(Value::is_null));
        // A location is added to an image only by the image's own call.
        let message = |key: &&str| format!("Input does not contain '{key}' field");
        key.map(message).or_else(|| (self.kind != "import").then(|| FAILED.to_owned()))
    }

    /// Creates the image; returns its id. A failure deletes it.
    async fn import(&self) -> Result<String, String> {
        let id = uuid::Uuid::new_v4().to_string();
        let path = format!("/v2/images/{id}");
        let mut record: Record = json!({
            "name": null, "disk_format": null, "container_format": null, "visibility": "private",
            "size": null, "virtual_size": null, "status": "queued", "checksum": null,
            "protected": false, "min_ram": 0, "min_disk": 0, "os_hidden": false,
            "os_hash_algo": null, "os_hash_value": null, "tags": [],
        })
        .as_object()
        .cloned()
        .unwrap_or_default();
        record.extend(self.input["image_properties"].as_object().cloned().unwrap_or_default());
        for (key, value) in [
            ("id", json!(id)),
            ("self", json!(path)),
            ("file", json!(format!("{path}/file"))),
            ("schema", json!("/v2/schemas/image")),
            ("owner", json!(self.caller.project.as_deref())),
        ] {
            record.insert(key.to_owned(), value);
        }
        let failed = |_| "the record cannot be written".to_owned();
        self.state.add(Image::new(record)).map_err(failed)?;
        match self.data(&id).await {
            Ok(()) => Ok(id),
            Err(error) => {
                // It may have been deleted in the meantime.
                let _ = self.state.remove(&id);
                Err(error)
            }
        }
    }

    async fn data(&self, id: &str) -> Result<(), String> {
        let uri = self.input["import_from"].as_str().unwrap_or_default();
        let hosts = &self.state.options.allowed_hosts;
        let mut response = fetch::open(uri, Redirects::Followed, hosts).await?;
        let algo = self.state.options.hash_algo.clone();
        let mut data = Data::new(&algo, true);
        let mut file = files::create(&self.state.data_path(id)).map_err(|e| e.to_string())?;
        while let Some(bytes) = response.chunk().await.map_err(|e| e.to_string())? {
            data.push(&bytes);
            file.write_all(&bytes).map_err(|e| e.to_string())?;
        }
        let store = self.state.options.default_store().map(str::to_owned);
        let changed = self.state.change(id, |image| {
            let virtual_size = data.check(&image.record, &self.state.options).ok().flatten();
            data.describe(image, &algo, virtual_size, None);
            image.set("status", "active");
            image.set_stores(&store.into_iter().collect::<Vec<_>>());
            Ok(())
        });
        changed.map(drop).map_err(|_| "the image is gone".to_owned())
    }
}
