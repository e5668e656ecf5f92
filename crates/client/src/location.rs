//! A location of image data.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::redact;

/// A location of image data. `Debug` shows no password in the address.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// The address. openstacksdk's `url`.
    pub url: String,
    /// Metadata of the store. openstacksdk's `metadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// The hash that the data must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_data: Option<ValidationData>,
    /// Unknown keys.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The hash that the data of a location must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValidationData {
    /// `sha512`, `sha256`, `sha1` or `md5`.
    pub os_hash_algo: String,
    /// The hash in hex.
    pub os_hash_value: String,
    /// MD5 in hex; only in the older API through the attribute `locations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

impl Location {
    /// A location with this address.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Location { url: url.into(), ..Location::default() }
    }

    /// Sets the required hash of the data; `algo` is a name in the spelling of `hashlib`.
    #[must_use]
    pub fn with_hash(mut self, algo: impl Into<String>, value: impl Into<String>) -> Self {
        self.validation_data = Some(ValidationData {
            os_hash_algo: algo.into(),
            os_hash_value: value.into(),
            checksum: None,
        });
        self
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location")
            .field("url", &redact::shown_text(&self.url))
            .field("metadata", &self.metadata.as_ref().map(|metadata| metadata.keys()))
            .field("validation_data", &self.validation_data)
            .finish_non_exhaustive()
    }
}
