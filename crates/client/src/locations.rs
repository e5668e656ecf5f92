//! Locations of image data.

use http::Method;

use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient, Location};

impl ImageClient {
    /// `POST /v2/images/{id}/locations`: makes a record an image of existing data elsewhere. Since API 2.17.
    /// [`add_location_and_wait`](ImageClient::add_location_and_wait) also waits for the result.
    ///
    /// With [a hash](Location::with_hash) the service first reads and compares the data. If it differs, the
    /// image stays `queued`, and only its tasks show the failure. Without a hash, the image is active at once
    /// and its hash is added later. No format is checked. A failed record accepts no other address; delete
    /// it.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for an image that is not `queued`, [`Error::Forbidden`] for an address that policy
    /// or stores do not allow: ordinary projects may use at most `http:` addresses.
    pub async fn add_location(&self, id: &str, location: &Location) -> Result<(), Error> {
        let url = self.url(&["images", id, "locations"]);
        let body = serde_json::to_value(location).expect("a location has text keys");
        self.call(Method::POST, url, &Payload::Json(JSON, &body)).await.map(drop)
    }

    /// `GET /v2/images/{id}/locations`. Since API 2.17; by default only for other services.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy.
    pub async fn locations(&self, id: &str) -> Result<Vec<Location>, Error> {
        let url = self.url(&["images", id, "locations"]);
        self.json(Method::GET, url, &Payload::Nothing).await
    }
}
