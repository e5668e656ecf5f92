//! Lookup of one image by its id or its name.

use futures_util::TryStreamExt as _;

use crate::attribute::is_uuid;
use crate::{Error, Image, ImageClient, ImageQuery};

impl ImageClient {
    /// The image with this id, or else the one with this name, or else the hidden one with this name; none if
    /// there is no such image. openstacksdk's `find_image`.
    ///
    /// It sends at most three requests, and one for each further page of images with the same name. Only text
    /// in the form of an id is looked up as one. A visible image takes precedence over hidden ones of its
    /// name.
    ///
    /// # Errors
    ///
    /// [`Error::Duplicate`] when several images have the name, with their ids.
    pub async fn find(&self, name_or_id: &str) -> Result<Option<Image>, Error> {
        self.find_among(name_or_id, &ImageQuery::default()).await
    }

    /// Like [`find`](ImageClient::find), among the images of this query: `find_image` of openstacksdk with
    /// further parameters. The query does not apply to an id.
    ///
    /// # Errors
    ///
    /// As [`find`](ImageClient::find).
    pub async fn find_among(
        &self,
        name_or_id: &str,
        query: &ImageQuery,
    ) -> Result<Option<Image>, Error> {
        if is_uuid(name_or_id) {
            match self.image(name_or_id).await {
                // The name of an image may look like an id.
                Err(Error::NotFound(_) | Error::Forbidden(_) | Error::BadRequest(_)) => {}
                found => return found.map(Some),
            }
        }
        let named = query.clone().with("name", name_or_id);
        match self.only(name_or_id, &named).await? {
            Some(image) => Ok(Some(image)),
            None => self.only(name_or_id, &named.hidden()).await,
        }
    }

    /// Like [`find`](ImageClient::find), for an image that must exist.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchImage`], and as [`find`](ImageClient::find).
    pub async fn find_existing(&self, name_or_id: &str) -> Result<Image, Error> {
        let found = self.find(name_or_id).await?;
        found.ok_or_else(|| Error::NoSuchImage { wanted: name_or_id.to_owned() })
    }

    /// The only image with this name.
    async fn only(&self, name: &str, query: &ImageQuery) -> Result<Option<Image>, Error> {
        // Databases compare names less strictly, for example without case.
        let mut named = self.images(query);
        let mut found: Vec<Image> = Vec::new();
        while let Some(image) = named.try_next().await? {
            if image.name() == Some(name) {
                found.push(image);
                if found.len() > MAX_IDS_SHOWN {
                    break;
                }
            }
        }
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => {
                let ids = found.iter().map(|image| image.id().to_owned()).collect();
                Err(Error::Duplicate { wanted: name.to_owned(), ids })
            }
        }
    }
}

/// The maximum number of ids in an error.
const MAX_IDS_SHOWN: usize = 20;
