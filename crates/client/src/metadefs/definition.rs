//! What the types of metadata definitions have in common: a record that is kept unchanged.

use serde_json::{Map, Value};

use crate::record::Record;

/// A definition with this name, and its access to all values.
macro_rules! definition {
    ($on:ident $name_key:literal) => {
        impl $on {
            /// A definition with this name, to create it.
            #[must_use]
            pub fn named(name: impl Into<String>) -> Self {
                let mut definition = $on::default();
                definition.set($name_key, name.into());
                definition
            }

            /// The unchanged value of the attribute with this name in openstacksdk or on the wire.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<&serde_json::Value> {
                self.record.get($crate::metadefs::definition::key(name))
            }

            /// All keys and unchanged values.
            #[must_use]
            pub fn record(&self) -> &serde_json::Map<String, serde_json::Value> {
                &self.record.0
            }

            /// Sets an attribute by its name in openstacksdk or on the wire. Only the server checks the value.
            pub fn set(&mut self, name: &str, value: impl Into<serde_json::Value>) {
                self.record.set($crate::metadefs::definition::key(name), value.into());
            }

            /// Removes an attribute by its name in openstacksdk or on the wire, so that an update resets it to
            /// its default. Returns `false` if it was not set.
            pub fn unset(&mut self, name: &str) -> bool {
                self.record.0.remove($crate::metadefs::definition::key(name)).is_some()
            }

            fn change(&mut self) -> &mut $crate::record::Record {
                &mut self.record
            }
        }
    };
}
pub(super) use definition;

/// The name on the wire of an attribute of openstacksdk.
pub(super) fn key(name: &str) -> &str {
    let renamed = SDK_NAMES.iter().find(|(sdk, _)| *sdk == name);
    renamed.map_or(name, |(_, wire)| wire)
}

/// The attributes that openstacksdk names differently (`openstack/image/v2/metadef_*.py`).
const SDK_NAMES: [(&str, &str); 8] = [
    ("is_protected", "protected"),
    ("is_readonly", "readonly"),
    ("min_length", "minLength"),
    ("max_length", "maxLength"),
    ("require_unique_items", "uniqueItems"),
    ("min_items", "minItems"),
    ("max_items", "maxItems"),
    ("allow_additional_items", "additionalItems"),
];

/// The attributes that Glance refuses in a request with 403 (`_disallowed_properties`).
const READ_ONLY: [&str; 4] = ["self", "schema", "created_at", "updated_at"];

/// The body of a request: without attributes that only the service sets, and without null, which the schemas
/// of Glance do not allow. So a definition that was read can be sent.
pub(super) fn body(record: &Record) -> Map<String, Value> {
    let is_sent = |key: &str, value: &Value| !READ_ONLY.contains(&key) && !value.is_null();
    let pairs = record.0.iter().filter(|(key, value)| is_sent(key, value));
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The records of a list in a record.
pub(super) fn parts<T: serde::de::DeserializeOwned>(record: &Record, key: &str) -> Vec<T> {
    let parts = record.get(key).and_then(Value::as_array).into_iter().flatten();
    parts.filter_map(|part| serde_json::from_value(part.clone()).ok()).collect()
}

/// The texts of a list in a record.
pub(super) fn texts<'a>(record: &'a Record, key: &str) -> Vec<&'a str> {
    let texts = record.get(key).and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(Value::as_str).collect()
}

/// The properties of a record: a mapping of their names.
pub(super) fn by_name<T>(
    record: &Record,
    named: impl Fn(&str, &Map<String, Value>) -> T,
) -> Vec<T> {
    let properties = record.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.filter_map(|(name, value)| Some(named(name, value.as_object()?))).collect()
}
