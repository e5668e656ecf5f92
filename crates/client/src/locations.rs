//! Where the data of an image lies.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::http::{JSON, Payload};
use crate::{Error, ImageClient};

/// A place where the data of an image lies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// The address. openstacksdk's `url`.
    pub url: String,
    /// What the store keeps beside it. openstacksdk's `metadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// The hash that the data must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_data: Option<ValidationData>,
    /// Keys that this version does not know.
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
    /// MD5 in hex; only in the older way through `locations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

impl Location {
    /// At that address.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Location { url: url.into(), ..Location::default() }
    }

    /// Whose data must have that hash, of that name as `hashlib` spells it.
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

impl ImageClient {
    /// `POST /v2/images/{id}/locations`: makes a record an image of data that lies elsewhere already.
    /// Since API 2.17. [`add_location_and_wait`](ImageClient::add_location_and_wait) sees it through.
    ///
    /// With [a hash](Location::with_hash) the service reads the data and compares first; when it
    /// differs the image stays `queued`, and only its tasks tell. Without, the image is active at once and its hash
    /// comes later. No format is checked. A record that has failed takes no other address; delete it.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for an image that is not `queued`, [`Error::Forbidden`] for an address
    /// that policy or stores do not allow: ordinary projects may give `http:` addresses at most.
    pub async fn add_location(&self, id: &str, location: &Location) -> Result<(), Error> {
        let url = self.url(&["images", id, "locations"]);
        let body = serde_json::to_value(location).expect("a location has text keys");
        self.call(Method::POST, url, &Payload::Json(JSON, &body)).await.map(drop)
    }

    /// `GET /v2/images/{id}/locations`. Since API 2.17; only other services may, by default.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy.
    pub async fn locations(&self, id: &str) -> Result<Vec<Location>, Error> {
        let url = self.url(&["images", id, "locations"]);
        self.json(Method::GET, url, &Payload::Nothing).await
    }
}
