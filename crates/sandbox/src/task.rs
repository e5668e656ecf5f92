//! Tasks: the state of work after a response, in Glance's form.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock;
use crate::policy::Caller;
use crate::response::RequestId;

/// The time for which a finished task is kept: Glance's `task_time_to_live`.
const TIME_TO_LIVE: Duration = Duration::from_secs(48 * 3600);

/// The types of tasks.
pub(crate) const KINDS: [&str; 3] = ["import", "api_image_import", "location_import"];

/// The statuses of a task.
pub(crate) const STATUSES: [&str; 4] = ["pending", "processing", "success", "failure"];

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    /// One of [`KINDS`].
    pub(crate) kind: &'static str,
    /// One of [`STATUSES`].
    pub(crate) status: &'static str,
    pub(crate) owner: Option<Arc<str>>,
    user: Option<Arc<str>>,
    /// None for a task of the old interface, until it created the image.
    pub(crate) image: Option<String>,
    request: String,
    input: Value,
    pub(crate) message: String,
    expires: Option<u64>,
    pub(crate) created: u64,
    updated: u64,
}

impl Task {
    pub(crate) fn new(
        kind: &'static str,
        caller: &Caller,
        request: &RequestId,
        image: Option<&str>,
        input: Value,
    ) -> Self {
        let now = clock::now();
        Task {
            id: uuid::Uuid::new_v4().to_string(),
            kind,
            status: "pending",
            owner: caller.project.clone(),
            user: caller.user.clone(),
            image: image.map(str::to_owned),
            request: request.0.clone(),
            input,
            message: String::new(),
            expires: None,
            created: now,
            updated: now,
        }
    }

    pub(crate) fn advance(&mut self, status: &'static str) {
        self.status = status;
        self.updated = clock::now();
        if matches!(status, "success" | "failure") {
            let lifetime = u64::try_from(TIME_TO_LIVE.as_micros()).unwrap_or(u64::MAX);
            self.expires = Some(self.updated + lifetime);
        }
    }

    fn result(&self) -> Value {
        match self.status {
            "success" => json!({"image_id": self.image}),
            _ => Value::Null,
        }
    }

    /// The content of its file.
    pub(crate) fn to_json(&self) -> Value {
        let mut kept = self.of_image();
        kept["micros"] = json!([self.expires, self.created, self.updated]);
        kept
    }

    /// Parses its file; none if it has another content. A task that was running failed with its service.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let name = |known: &[&'static str], key: &str| {
            known.iter().find(|known| value[key] == **known).copied()
        };
        let mut task = Task {
            id: text("id")?,
            kind: name(&KINDS, "type")?,
            status: name(&STATUSES, "status")?,
            owner: value["owner"].as_str().map(Into::into),
            user: value["user_id"].as_str().map(Into::into),
            image: text("image_id"),
            request: text("request_id")?,
            input: value["input"].clone(),
            message: text("message")?,
            expires: value["micros"][0].as_u64(),
            created: value["micros"][1].as_u64()?,
            updated: value["micros"][2].as_u64()?,
        };
        if task.expires.is_some_and(|end| end < clock::now()) {
            return None;
        }
        if matches!(task.status, "pending" | "processing") {
            task.advance("failure");
        }
        Some(task)
    }

    /// The form in an image's list of tasks.
    pub(crate) fn of_image(&self) -> Value {
        json!({
            "id": self.id,
            "type": self.kind,
            "status": self.status,
            "owner": self.owner.as_deref(),
            "expires_at": self.expires.map(clock::micros_text),
            "created_at": clock::micros_text(self.created),
            "updated_at": clock::micros_text(self.updated),
            "deleted_at": null,
            "deleted": false,
            "image_id": self.image,
            "request_id": self.request,
            "user_id": self.user.as_deref(),
            "input": self.input,
            "result": self.result(),
            "message": self.message,
        })
    }

    /// The form in the list of all tasks.
    pub(crate) fn stub(&self) -> Value {
        let mut stub = json!({
            "id": self.id,
            "type": self.kind,
            "status": self.status,
            "owner": self.owner.as_deref(),
            "created_at": clock::seconds_text(self.created),
            "updated_at": clock::seconds_text(self.updated),
            "self": format!("/v2/tasks/{}", self.id),
            "schema": "/v2/schemas/task",
        });
        if let Some(expires) = self.expires {
            stub["expires_at"] = clock::seconds_text(expires).into();
        }
        stub
    }

    /// The form of a single task.
    pub(crate) fn full(&self) -> Value {
        let mut full = self.stub();
        full["input"] = self.input.clone();
        full["message"] = self.message.clone().into();
        full["result"] = self.result();
        full["image_id"] = json!(self.image);
        full["request_id"] = self.request.clone().into();
        full["user_id"] = json!(self.user.as_deref());
        full
    }
}
