//! Single tags; [`Image::set_tags`](crate::Image::set_tags) sets all of them at once.

use http::Method;

use crate::transport::Payload;
use crate::{Error, Image, ImageClient};

impl ImageClient {
    /// `PUT /v2/images/{id}/tags/{tag}`: adds a tag; an existing one stays.
    ///
    /// Glance decodes the path as Latin-1, and supports no slash in a tag. Tags with such characters are
    /// added by a `PATCH` of all tags, which overwrites a concurrent change of them.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown image, [`Error::TooLarge`] beyond the server's limit, by default
    /// 128.
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

    /// `DELETE /v2/images/{id}/tags/{tag}`, or a `PATCH` as for [`add_tag`](ImageClient::add_tag); returns
    /// `false` if the image did not have the tag.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown image.
    pub async fn remove_tag(&self, id: &str, tag: &str) -> Result<bool, Error> {
        if fits_a_path(tag) {
            let url = self.url(&["images", id, "tags", tag]);
            return match self.call(Method::DELETE, url, &Payload::Nothing).await {
                Ok(_) => Ok(true),
                // Either the image or the tag does not exist.
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

/// Whether a path transmits the tag unchanged.
fn fits_a_path(tag: &str) -> bool {
    tag.is_ascii() && !tag.contains('/') && !matches!(tag, "" | "." | "..")
}
