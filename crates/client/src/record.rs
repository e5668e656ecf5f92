//! The record of an image on the wire: one flat JSON object.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All keys of an image, base attributes and extra properties, with unchanged values.
///
/// Reading and writing it loses nothing; values are converted when they are accessed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Record(pub(crate) Map<String, Value>);

impl Record {
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// A number, or text that contains one: extra properties are text on the wire.
    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        match self.get(key)? {
            Value::Number(number) => number.to_string().parse().ok(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A boolean, or text that is parsed as by openstacksdk and Nova: anything but a value for true is false.
    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => Some(is_true(text)),
            _ => None,
        }
    }

    pub(crate) fn tags(&self) -> BTreeSet<&str> {
        let tags = self.get("tags").and_then(Value::as_array);
        tags.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The names in a text, separated by commas.
    pub(crate) fn names(&self, key: &str) -> Vec<&str> {
        let text = self.text(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
    }
}

/// Hides the addresses of the data, which may contain a password.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in &self.0 {
            match &**key {
                "locations" | "direct_url" | "url" => map.entry(key, &"…"),
                _ => map.entry(key, value),
            };
        }
        map.finish()
    }
}

/// Whether openstacksdk and Nova parse the text as true.
pub(crate) fn is_true(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    matches!(&*text, "1" | "t" | "true" | "on" | "y" | "yes")
}
