//! One image: its record and the state that the record does not show.

use serde_json::{Map, Value, json};

use crate::clock;

/// The record of an image in its form on the wire.
pub(crate) type Record = Map<String, Value>;

/// An image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) record: Record,
    pub(crate) members: Vec<Member>,
    /// The location of the data if it was registered and not uploaded.
    pub(crate) urls: Vec<String>,
    /// Creation time, more precise than in the record: lists are sorted by it.
    pub(crate) created: u64,
    /// Time of the last change.
    pub(crate) updated: u64,
}

/// A project that an image is shared with.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) project: String,
    /// `pending`, `accepted` or `rejected`.
    pub(crate) status: String,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

impl Image {
    pub(crate) fn new(record: Record) -> Self {
        let now = clock::now();
        let mut image =
            Image { record, members: Vec::new(), urls: Vec::new(), created: now, updated: now };
        image.record.insert("created_at".into(), clock::seconds_text(now).into());
        image.touch();
        image
    }

    pub(crate) fn touch(&mut self) {
        self.updated = clock::now();
        self.record.insert("updated_at".into(), clock::seconds_text(self.updated).into());
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.record.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    pub(crate) fn status(&self) -> &str {
        self.text("status")
    }

    pub(crate) fn owner(&self) -> Option<&str> {
        self.record.get("owner").and_then(Value::as_str)
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.record.insert(key.to_owned(), value.into());
    }

    /// The stores that contain its data.
    pub(crate) fn stores(&self) -> Vec<String> {
        names(self.text("stores"))
    }

    /// Glance omits the key if there are no stores.
    pub(crate) fn set_stores(&mut self, stores: &[String]) {
        if stores.is_empty() {
            self.record.remove("stores");
        } else {
            self.set("stores", stores.join(","));
        }
    }

    /// The names under a key that lists stores.
    pub(crate) fn listed(&self, key: &str) -> Vec<String> {
        names(self.text(key))
    }

    /// Sets a key that lists stores: sorted, and present even if empty.
    pub(crate) fn list(&mut self, key: &str, mut stores: Vec<String>) {
        stores.sort();
        stores.dedup();
        self.set(key, stores.join(","));
    }

    /// Resets the record to its state before any data.
    pub(crate) fn forget_data(&mut self) {
        for key in ["size", "checksum", "os_hash_algo", "os_hash_value"] {
            self.set(key, Value::Null);
        }
    }

    /// The content of its file.
    pub(crate) fn to_json(&self) -> Value {
        let members: Vec<Value> = self
            .members
            .iter()
            .map(|m| json!([m.project, m.status, m.created, m.updated]))
            .collect();
        json!({
            "image": self.record,
            "members": members,
            "urls": self.urls,
            "created": self.created,
            "updated": self.updated,
        })
    }

    /// Parses its file; none if the file has another content.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let member = |value: &Value| {
            Some(Member {
                project: value[0].as_str()?.to_owned(),
                status: value[1].as_str()?.to_owned(),
                created: value[2].as_u64()?,
                updated: value[3].as_u64()?,
            })
        };
        let urls = value["urls"].as_array()?.iter().filter_map(Value::as_str);
        let image = Image {
            record: value["image"].as_object()?.clone(),
            members: value["members"].as_array()?.iter().filter_map(member).collect(),
            urls: urls.map(str::to_owned).collect(),
            created: value["created"].as_u64()?,
            updated: value["updated"].as_u64()?,
        };
        (!image.id().is_empty()).then_some(image)
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
