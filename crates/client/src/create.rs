//! A record to be made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::Visibility;

/// What `POST /v2/images` is to make.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NewImage {
    /// The id; the server makes one up when there is none.
    pub id: Option<String>,
    /// The name, at most 255 characters, none of them beyond the basic plane.
    pub name: Option<String>,
    /// `qcow2`, `raw`, …; must be set before data comes.
    pub disk_format: Option<String>,
    /// `bare`, …; must be set before data comes.
    pub container_format: Option<String>,
    /// Who may see it; `public` and `community` are often refused by policy.
    pub visibility: Option<Visibility>,
    /// Whether deleting is refused.
    pub protected: Option<bool>,
    /// Whether lists leave it out.
    pub os_hidden: Option<bool>,
    /// The smallest disk it boots from, in GiB.
    pub min_disk: Option<u64>,
    /// The least memory it boots with, in MiB.
    pub min_ram: Option<u64>,
    /// Free words, at most 255 characters each.
    pub tags: BTreeSet<String>,
    /// Extra properties; the server takes only text as their values.
    properties: BTreeMap<String, String>,
}

/// An extra property that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitProperty {
    /// The key is a base attribute, which has a field of its own.
    #[error("{0} is an attribute of every image, not a property")]
    BaseAttribute(String),
    /// The key belongs to the server, which answers 403.
    #[error("{0} is set by the server only")]
    ReadOnly(String),
    /// The key is empty or longer than 255 characters.
    #[error("a property's name must have 1 to 255 characters")]
    Length,
}

impl NewImage {
    /// A record of that name.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        NewImage { name: Some(name.into()), ..NewImage::default() }
    }

    /// Sets both formats.
    #[must_use]
    pub fn with_formats(
        mut self,
        disk_format: impl Into<String>,
        container_format: impl Into<String>,
    ) -> Self {
        self.disk_format = Some(disk_format.into());
        self.container_format = Some(container_format.into());
        self
    }

    /// Sets an extra property.
    ///
    /// # Errors
    ///
    /// [`UnfitProperty`] for a key that the server would refuse or take for something else.
    pub fn set_property(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), UnfitProperty> {
        let key = key.into();
        if key.is_empty() || key.chars().count() > 255 {
            return Err(UnfitProperty::Length);
        }
        if SETTABLE.contains(&key.as_str()) {
            return Err(UnfitProperty::BaseAttribute(key));
        }
        if READ_ONLY.contains(&key.as_str()) || key.starts_with("os_glance") {
            return Err(UnfitProperty::ReadOnly(key));
        }
        self.properties.insert(key, value.into());
        Ok(())
    }

    /// The extra properties set so far.
    #[must_use]
    pub fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut json = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                json.insert(key.to_owned(), value);
            }
        };
        set("id", self.id.clone().map(Value::from));
        set("name", self.name.clone().map(Value::from));
        set("disk_format", self.disk_format.clone().map(Value::from));
        set("container_format", self.container_format.clone().map(Value::from));
        set("visibility", self.visibility.as_ref().map(|v| v.to_string().into()));
        set("protected", self.protected.map(Value::from));
        set("os_hidden", self.os_hidden.map(Value::from));
        set("min_disk", self.min_disk.map(Value::from));
        set("min_ram", self.min_ram.map(Value::from));
        set("tags", (!self.tags.is_empty()).then(|| self.tags.iter().cloned().collect()));
        for (key, value) in &self.properties {
            set(key, Some(value.clone().into()));
        }
        Value::Object(json)
    }
}

/// Attributes that have a field above, and `owner`, which only an administrator may give away.
const SETTABLE: [&str; 12] = [
    "id",
    "name",
    "disk_format",
    "container_format",
    "visibility",
    "protected",
    "os_hidden",
    "min_disk",
    "min_ram",
    "tags",
    "owner",
    "locations",
];

/// Keys that the server answers with 403 in the body of a create.
const READ_ONLY: [&str; 18] = [
    "status",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "created_at",
    "updated_at",
    "file",
    "schema",
    "self",
    "direct_url",
    "stores",
    "store",
    "location",
    "deleted",
    "deleted_at",
    "url",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_is_sent_and_properties_stand_beside_the_rest() {
        let mut image = NewImage::named("n").with_formats("qcow2", "bare");
        image.visibility = Some(Visibility::Private);
        image.set_property("hw_cpu_cores", "4").unwrap();
        assert_eq!(
            image.to_json(),
            serde_json::json!({"name": "n", "disk_format": "qcow2", "container_format": "bare",
                "visibility": "private", "hw_cpu_cores": "4"})
        );
    }

    #[test]
    fn keys_the_server_would_refuse_are_refused() {
        let mut image = NewImage::default();
        for (key, error) in [
            ("min_disk", UnfitProperty::BaseAttribute("min_disk".into())),
            ("checksum", UnfitProperty::ReadOnly("checksum".into())),
            ("os_glance_x", UnfitProperty::ReadOnly("os_glance_x".into())),
            ("", UnfitProperty::Length),
        ] {
            assert_eq!(image.set_property(key, "v"), Err(error));
        }
        assert_eq!(image.set_property("x".repeat(256), "v"), Err(UnfitProperty::Length));
        assert!(image.properties().is_empty());
    }
}
