//! The time since the last change of a record, by the clock of the service.

use std::time::Duration;

use http::{Method, header};

use crate::timestamp::{http_date, iso8601};
use crate::transport::{Payload, decode};
use crate::{Error, Image, ImageClient};

impl ImageClient {
    /// Sends `GET /v2/images/{id}`, and returns the image with the time since the last change of its record:
    /// the header `Date` of the response minus `updated_at`, so the local clock does not matter. The time is
    /// `None` if the service sends only one of the two.
    ///
    /// # Errors
    ///
    /// As [`ImageClient::image`].
    pub async fn image_and_age(&self, id: &str) -> Result<(Image, Option<Duration>), Error> {
        let url = self.url(&["images", id]);
        let (headers, body) = self.call(Method::GET, url.clone(), &Payload::Nothing).await?;
        let image: Image = decode(&Method::GET, &url, &body)?;
        let now = headers.get(header::DATE).and_then(|date| http_date(date.to_str().ok()?));
        let changed = image.updated_at().and_then(iso8601);
        let age = now.zip(changed).and_then(|(now, changed)| now.duration_since(changed).ok());
        Ok((image, age))
    }
}
