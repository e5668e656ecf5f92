//! The cache of images before the stores, where the operator runs one. Administrators only by default.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accessors::getter;
use crate::record::Record;
use crate::transport::Payload;
use crate::{Error, ImageClient};

/// What is in the cache, and what shall be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cache {
    /// Images in the cache.
    pub cached_images: Vec<CachedImage>,
    /// Ids of images that shall be.
    pub queued_images: Vec<String>,
}

/// An image in the cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CachedImage {
    record: Record,
}

impl CachedImage {
    getter! {
        /// The image.
        ///
        /// On the wire `image_id`.
        text image_id "image_id"
    }
    getter! {
        /// Downloads that the cache has answered.
        ///
        /// On the wire `hits`.
        count hits "hits"
    }
    getter! {
        /// Its bytes.
        ///
        /// On the wire `size`.
        count size "size"
    }

    /// The value of that key on the wire: `last_accessed`, `last_modified`, …
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.record.get(key)
    }
}

/// What to clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearTarget {
    /// The cache and what shall be in it.
    All,
    /// The cache.
    Cache,
    /// What shall be in it.
    Queue,
}

impl ImageClient {
    /// `GET /v2/cache`. Since API 2.14.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy, [`Error::NotFound`] from a service without a cache.
    pub async fn cache(&self) -> Result<Cache, Error> {
        self.json(Method::GET, self.url(&["cache"]), &Payload::Nothing).await
    }

    /// `PUT /v2/cache/{id}`: the image shall be in the cache.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache); [`Error::BadRequest`] for an image that is not active.
    pub async fn cache_image(&self, id: &str) -> Result<(), Error> {
        self.call(Method::PUT, self.url(&["cache", id]), &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/cache/{id}`: out of the cache and of what shall be in it.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache); [`Error::NotFound`] for no such image.
    pub async fn uncache_image(&self, id: &str) -> Result<(), Error> {
        self.call(Method::DELETE, self.url(&["cache", id]), &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/cache`: clears it.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache).
    pub async fn clear_cache(&self, target: ClearTarget) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        let word = match target {
            ClearTarget::All => None,
            ClearTarget::Cache => Some("cache"),
            ClearTarget::Queue => Some("queue"),
        };
        if let Some(word) = word {
            let name = HeaderName::from_static("x-image-cache-clear-target");
            headers.insert(name, HeaderValue::from_static(word));
        }
        self.call_with(Method::DELETE, self.url(&["cache"]), &headers, &Payload::Nothing)
            .await
            .map(drop)
    }

    /// `POST /v2/cache/clean`: removes what was left half-made. Since API 2.18.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache).
    pub async fn clean_cache(&self) -> Result<(), Error> {
        self.call(Method::POST, self.url(&["cache", "clean"]), &Payload::Nothing).await.map(drop)
    }

    /// `POST /v2/cache/prune`: shrinks it to its limit. Since API 2.18.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache).
    pub async fn prune_cache(&self) -> Result<(), Error> {
        self.call(Method::POST, self.url(&["cache", "prune"]), &Payload::Nothing).await.map(drop)
    }

    /// `GET /v2/cache/nodes/{id}`: which hosts have the image in their caches, as the service says
    /// it.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache); [`Error::Conflict`] unless the caches are managed centrally.
    pub async fn cache_nodes(&self, id: &str) -> Result<Value, Error> {
        self.raw(&["cache", "nodes", id]).await
    }
}
