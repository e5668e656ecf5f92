//! The cache of images in front of the stores, if the operator runs one. Administrators only by default.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accessors::getter;
use crate::record::Record;
use crate::transport::Payload;
use crate::{Error, ImageClient};

/// The images in the cache, and those queued for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cache {
    /// Images in the cache.
    pub cached_images: Vec<CachedImage>,
    /// Ids of images that are queued for caching.
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
        /// Downloads that the cache has served.
        ///
        /// On the wire `hits`.
        count hits "hits"
    }
    getter! {
        /// Size in bytes.
        ///
        /// On the wire `size`.
        count size "size"
    }

    /// The value of this key on the wire: `last_accessed`, `last_modified`, …
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.record.get(key)
    }
}

/// The part of the cache to clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearTarget {
    /// The cache and its queue.
    All,
    /// The cached images.
    Cache,
    /// The queue.
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

    /// `PUT /v2/cache/{id}`: queues an image for caching.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache); [`Error::BadRequest`] for an image that is not active.
    pub async fn cache_image(&self, id: &str) -> Result<(), Error> {
        self.call(Method::PUT, self.url(&["cache", id]), &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/cache/{id}`: removes an image from the cache and from its queue.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache); [`Error::NotFound`] for an unknown image.
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

    /// `POST /v2/cache/clean`: removes incomplete and invalid entries. Since API 2.18.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache).
    pub async fn clean_cache(&self) -> Result<(), Error> {
        self.call(Method::POST, self.url(&["cache", "clean"]), &Payload::Nothing).await.map(drop)
    }

    /// `POST /v2/cache/prune`: shrinks the cache to its limit. Since API 2.18.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache).
    pub async fn prune_cache(&self) -> Result<(), Error> {
        self.call(Method::POST, self.url(&["cache", "prune"]), &Payload::Nothing).await.map(drop)
    }

    /// `GET /v2/cache/nodes/{id}`: the hosts that have the image in their caches, as the service reports
    /// them.
    ///
    /// # Errors
    ///
    /// As [`cache`](ImageClient::cache); [`Error::Conflict`] unless the caches are managed centrally.
    pub async fn cache_nodes(&self, id: &str) -> Result<Value, Error> {
        self.raw(&["cache", "nodes", id]).await
    }
}
