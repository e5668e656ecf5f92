//! What the service says of its records: `GET /v2/schemas/image`.

use serde_json::Value;

use crate::{Error, ImageClient};

/// The parts of the image schema that say what the service takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageSchema {
    /// The values of `disk_format`; empty when the schema does not say.
    pub disk_formats: Vec<String>,
    /// The values of `container_format`; empty when the schema does not say.
    pub container_formats: Vec<String>,
}

impl ImageClient {
    /// `GET /v2/schemas/image`.
    ///
    /// The cheapest call that needs the token and shows that an image service answers.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the address is not that of an image service.
    pub async fn schema(&self) -> Result<ImageSchema, Error> {
        let schema = self.raw(&["schemas", "image"]).await?;
        let values = |attribute: &str| {
            let values = schema["properties"][attribute]["enum"].as_array();
            values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Ok(ImageSchema {
            disk_formats: values("disk_format"),
            container_formats: values("container_format"),
        })
    }
}
