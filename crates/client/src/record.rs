//! The record of an image as it is on the wire: one flat JSON object.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// All keys of an image, base attributes and extra properties side by side, just as they came.
///
/// Nothing is lost by reading and writing it; types are a matter of looking at it.
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

    /// A number, or one in a text: extra properties are texts on the wire.
    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        match self.get(key)? {
            Value::Number(number) => number.to_string().parse().ok(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A boolean, or a text read as one, as openstacksdk and Nova read it: what is not one of the
    /// words for true is false.
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

    /// The names in a text that separates them by commas.
    pub(crate) fn names(&self, key: &str) -> Vec<&str> {
        let text = self.text(key).unwrap_or_default();
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
    }
}

/// Addresses of the data may have a password in them.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in &self.0 {
            match &**key {
                "locations" | "direct_url" => map.entry(key, &"…"),
                _ => map.entry(key, value),
            };
        }
        map.finish()
    }
}

/// The words for true of openstacksdk's and Nova's lenient booleans.
pub(crate) fn is_true(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    matches!(&*text, "1" | "t" | "true" | "on" | "y" | "yes")
}
