//! One image, by its id or its name.

use futures_util::TryStreamExt as _;

use crate::attribute::is_uuid;
use crate::{Error, Image, ImageClient, ImageQuery};

impl ImageClient {
    /// The image of that id, else the one of that name, else the hidden one of that name; none when
    /// there is none. openstacksdk's `find_image`.
    ///
    /// At most three requests and one for each further page of images that share the name. Only what
    /// has the form of an id is asked for as one. A visible image hides hidden ones of its name.
    ///
    /// # Errors
    ///
    /// [`Error::Duplicate`] when several images have the name, with their ids.
    pub async fn find(&self, name_or_id: &str) -> Result<Option<Image>, Error> {
        if is_uuid(name_or_id) {
            match self.image(name_or_id).await {
                // An image may be called like an id.
                Err(Error::NotFound(_) | Error::Forbidden(_) | Error::BadRequest(_)) => {}
                found => return found.map(Some),
            }
        }
        let named = ImageQuery::default().with("name", name_or_id);
        match self.only(name_or_id, &named).await? {
            Some(image) => Ok(Some(image)),
            None => self.only(name_or_id, &named.hidden()).await,
        }
    }

    /// The same, where there must be one.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchImage`], and as [`find`](ImageClient::find).
    pub async fn find_existing(&self, name_or_id: &str) -> Result<Image, Error> {
        let found = self.find(name_or_id).await?;
        found.ok_or_else(|| Error::NoSuchImage { wanted: name_or_id.to_owned() })
    }

    /// The only image of that name.
    async fn only(&self, name: &str, query: &ImageQuery) -> Result<Option<Image>, Error> {
        // Databases compare names more loosely than we do.
        let mut named = self.images(query);
        let mut found: Vec<Image> = Vec::new();
        while let Some(image) = named.try_next().await? {
            if image.name() == Some(name) {
                found.push(image);
                if found.len() > MOST_NAMED {
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

/// So many ids say enough.
const MOST_NAMED: usize = 20;
