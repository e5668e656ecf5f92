//! The stores of the service, and the image data in them.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::accessors::getter;
use crate::record::Record;
use crate::transport::Payload;
use crate::{Error, ImageClient};

/// A store of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Store {
    record: Record,
}

impl Store {
    getter! {
        /// The id, which selects the store.
        ///
        /// On the wire `id`.
        text id "id"
    }
    getter! {
        /// The operator's description.
        ///
        /// On the wire `description`.
        text description "description"
    }
    getter! {
        /// Whether it is the default store.
        ///
        /// On the wire `default`, true or text.
        flag is_default "default"
    }
    getter! {
        /// Whether it is read-only: `http`.
        ///
        /// On the wire `read-only`, true or text.
        flag is_read_only "read-only"
    }
    getter! {
        /// The driver: `file`, `rbd`, `swift`, … Only in the details.
        ///
        /// On the wire `type`.
        text kind "type"
    }
    getter! {
        /// Downloads prefer the store with the larger weight. Only in the details.
        ///
        /// On the wire `weight`.
        integer weight "weight"
    }

    /// Properties of the driver; only in the details.
    ///
    /// On the wire `properties`.
    #[must_use]
    pub fn properties(&self) -> Option<&Map<String, Value>> {
        self.get("properties")?.as_object()
    }

    /// The value of this key on the wire.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.record.get(key)
    }
}

#[derive(Deserialize)]
struct StoreList {
    stores: Vec<Store>,
}

impl ImageClient {
    /// `GET /v2/info/stores`. Since API 2.8.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] from a service with a single store.
    pub async fn stores(&self) -> Result<Vec<Store>, Error> {
        let url = self.url(&["info", "stores"]);
        let stores: StoreList = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(stores.stores)
    }

    /// `GET /v2/info/stores/detail`. Since API 2.15; administrators only by default.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy, [`Error::NotFound`] as [`stores`](ImageClient::stores).
    pub async fn stores_detail(&self) -> Result<Vec<Store>, Error> {
        let url = self.url(&["info", "stores", "detail"]);
        let stores: StoreList = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(stores.stores)
    }

    /// `DELETE /v2/stores/{store}/{id}`: removes the data from one of several stores. Since API 2.10;
    /// administrators only by default.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown image, [`Error::Forbidden`] if no other store has it,
    /// [`Error::Conflict`] for an image that is not active or is in use, and for an unknown store.
    pub async fn delete_from_store(&self, store: &str, id: &str) -> Result<(), Error> {
        let url = self.url(&["stores", store, id]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}
