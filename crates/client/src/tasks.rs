//! Tasks of the service, mostly imports.

use futures_util::stream::BoxStream;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::accessors::getter;
use crate::record::Record;
use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient, TaskStatus};

/// A task that the service runs, or has finished within the last two days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Task {
    record: Record,
}

impl Task {
    getter! {
        /// The id.
        ///
        /// On the wire `id`.
        text id "id"
    }
    getter! {
        /// The type of task: `api_image_import`, `import`, …
        ///
        /// On the wire `type`.
        text kind "type"
    }
    getter! {
        /// Its progress (`Copied 512 MiB`), or the reason of its failure, which is often generic.
        ///
        /// On the wire `message`.
        text message "message"
    }
    getter! {
        /// The project that started it.
        ///
        /// On the wire `owner`.
        text owner "owner"
    }
    getter! {
        /// The image that it works on.
        ///
        /// On the wire `image_id`.
        text image_id "image_id"
    }
    getter! {
        /// The creation time, ISO 8601.
        ///
        /// On the wire `created_at`.
        text created_at "created_at"
    }
    getter! {
        /// The time of the last progress, ISO 8601.
        ///
        /// On the wire `updated_at`.
        text updated_at "updated_at"
    }
    getter! {
        /// The time at which the service removes it, ISO 8601.
        ///
        /// On the wire `expires_at`.
        text expires_at "expires_at"
    }

    /// The status.
    ///
    /// On the wire `status`.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        TaskStatus::from(self.record.text("status").unwrap_or_default())
    }

    /// The id of the request that started it.
    ///
    /// On the wire `request_id`, or `request-id`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.record.text("request_id").or_else(|| self.record.text("request-id"))
    }

    /// The user who started it.
    ///
    /// On the wire `user_id`, or `user`.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.record.text("user_id").or_else(|| self.record.text("user"))
    }

    /// The parameters.
    ///
    /// On the wire `input`.
    #[must_use]
    pub fn input(&self) -> Option<&Value> {
        self.record.get("input").filter(|value| !value.is_null())
    }

    /// The result.
    ///
    /// On the wire `result`.
    #[must_use]
    pub fn result(&self) -> Option<&Value> {
        self.record.get("result").filter(|value| !value.is_null())
    }
}

#[derive(Deserialize)]
struct Tasks {
    tasks: Vec<Task>,
}

impl ImageClient {
    /// `GET /v2/images/{id}/tasks`: the imports of an image that this project has started. Since API 2.12.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also from older services.
    pub async fn image_tasks(&self, id: &str) -> Result<Vec<Task>, Error> {
        let url = self.url(&["images", id, "tasks"]);
        let tasks: Tasks = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(tasks.tasks)
    }

    /// `GET /v2/tasks`, page by page: tasks of all images, without input, result and message. Administrators
    /// only by default. Filters are `type` (`import` only), `status`, `sort_key`, `sort_dir`, `limit`.
    ///
    /// An error ends the stream: [`Error::Forbidden`] by policy.
    #[must_use]
    pub fn tasks(&self, filters: &[(&str, &str)]) -> BoxStream<'static, Result<Task, Error>> {
        let mut first = self.url(&["tasks"]);
        if !filters.is_empty() {
            first.query_pairs_mut().extend_pairs(filters);
        }
        self.pages(first)
    }

    /// `GET /v2/tasks/{id}`. Administrators only by default.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy, [`Error::NotFound`].
    pub async fn task(&self, id: &str) -> Result<Task, Error> {
        self.json(Method::GET, self.url(&["tasks", id]), &Payload::Nothing).await
    }

    /// `POST /v2/tasks`: the import interface of old services. Administrators only by default.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy, [`Error::BadRequest`].
    pub async fn create_task(&self, kind: &str, input: &Value) -> Result<Task, Error> {
        let body = json!({ "type": kind, "input": input });
        self.json(Method::POST, self.url(&["tasks"]), &Payload::Json(JSON, &body)).await
    }
}
