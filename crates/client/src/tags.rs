//! Single tags; all of them at once are set by [`Image::set_tags`](crate::Image::set_tags).

use http::Method;

use crate::http::Payload;
use crate::{Error, ImageClient};

impl ImageClient {
    /// `PUT /v2/images/{id}/tags/{tag}`: adds a tag; one that is there stays.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for no such image, [`Error::TooLarge`] beyond the server's most, 128
    /// mostly.
    pub async fn add_tag(&self, id: &str, tag: &str) -> Result<(), Error> {
        let url = self.url(&["images", id, "tags", tag]);
        self.call(Method::PUT, url, &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/images/{id}/tags/{tag}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for no such image or tag.
    pub async fn remove_tag(&self, id: &str, tag: &str) -> Result<(), Error> {
        let url = self.url(&["images", id, "tags", tag]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}
