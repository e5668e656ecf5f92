//! Single tags; all of them at once are set by [`Image::set_tags`](crate::Image::set_tags).

use http::Method;

use crate::transport::Payload;
use crate::{Error, Image, ImageClient};

impl ImageClient {
    /// `PUT /v2/images/{id}/tags/{tag}`: adds a tag; one that is there stays.
    ///
    /// Glance takes the bytes of the path for Latin-1, and knows no slash in a tag. Such tags are added
    /// by a `PATCH` of them all; a change that somebody else makes at the same moment is lost then.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for no such image, [`Error::TooLarge`] beyond the server's most, 128
    /// mostly.
    pub async fn add_tag(&self, id: &str, tag: &str) -> Result<(), Error> {
        if fits_a_path(tag) {
            let url = self.url(&["images", id, "tags", tag]);
            return self.call(Method::PUT, url, &Payload::Nothing).await.map(drop);
        }
        let mut image = self.image(id).await?;
        let tags = image.tags().into_iter().chain([tag]).map(str::to_owned);
        let tags: Vec<String> = tags.collect();
        image.set_tags(tags);
        self.commit(&image).await.map(drop)
    }

    /// `DELETE /v2/images/{id}/tags/{tag}`, or a `PATCH` as for [`add_tag`](ImageClient::add_tag);
    /// `false` when the tag was not there.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for no such image.
    pub async fn remove_tag(&self, id: &str, tag: &str) -> Result<bool, Error> {
        if fits_a_path(tag) {
            let url = self.url(&["images", id, "tags", tag]);
            return match self.call(Method::DELETE, url, &Payload::Nothing).await {
                Ok(_) => Ok(true),
                // Of the image, or of the tag.
                Err(Error::NotFound(_)) => self.image(id).await.map(|_| false),
                Err(error) => Err(error),
            };
        }
        let mut image: Image = self.image(id).await?;
        let tags = image.tags().into_iter().filter(|known| *known != tag).map(str::to_owned);
        let tags: Vec<String> = tags.collect();
        let was_there = tags.len() < image.tags().len();
        image.set_tags(tags);
        self.commit(&image).await?;
        Ok(was_there)
    }
}

/// Whether a tag comes through a path unharmed.
fn fits_a_path(tag: &str) -> bool {
    tag.is_ascii() && !tag.contains('/') && !matches!(tag, "" | "." | "..")
}
