//! Information about the service: quotas, import methods, schemas.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::transport::Payload;
use crate::{Error, ImageClient};

/// The quotas of the project, by name: `image_size_total` and `image_stage_total` in MiB, `image_count_total`
/// and `image_count_uploading` in images. Empty if quotas are disabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(default)]
    usage: BTreeMap<String, Quota>,
}

/// One quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// The limit; a negative value means no limit.
    pub limit: i64,
    /// The used amount. It is the server's own count, which lags behind parallel requests.
    pub usage: i64,
}

impl Usage {
    /// The quota with this name, if it has a limit.
    #[must_use]
    pub fn quota(&self, name: &str) -> Option<Quota> {
        self.usage.get(name).copied().filter(|quota| quota.limit >= 0)
    }

    /// All quotas, including those without a limit.
    pub fn quotas(&self) -> impl Iterator<Item = (&str, Quota)> {
        self.usage.iter().map(|(name, quota)| (&**name, *quota))
    }
}

/// The allowed formats in the image schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageSchema {
    /// The values of `disk_format`; empty if the schema does not list them.
    pub disk_formats: Vec<String>,
    /// The values of `container_format`; empty if the schema does not list them.
    pub container_formats: Vec<String>,
}

#[derive(Deserialize)]
struct ImportInfo {
    #[serde(rename = "import-methods")]
    methods: Methods,
}

#[derive(Deserialize)]
struct Methods {
    value: Vec<String>,
}

impl ImageClient {
    /// `GET /v2/info/usage`. Since API 2.13; older services answer 404.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] from older services.
    pub async fn usage(&self) -> Result<Usage, Error> {
        self.json(Method::GET, self.url(&["info", "usage"]), &Payload::Nothing).await
    }

    /// `GET /v2/info/import`: the names of the enabled [import methods](crate::ImportMethod). Since API 2.6.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] from older services.
    pub async fn import_info(&self) -> Result<Vec<String>, Error> {
        let url = self.url(&["info", "import"]);
        let info: ImportInfo = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(info.methods.value)
    }

    /// `GET /v2/schemas/image`: the allowed formats.
    ///
    /// It is the cheapest call that needs the token and shows that the address is an image service.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the address is not that of an image service.
    pub async fn schema(&self) -> Result<ImageSchema, Error> {
        let schema = self.schema_of("image").await?;
        let values = |attribute: &str| {
            let values =
                schema.pointer(&format!("/properties/{attribute}/enum")).and_then(Value::as_array);
            values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Ok(ImageSchema {
            disk_formats: values("disk_format"),
            container_formats: values("container_format"),
        })
    }

    /// `GET /v2/schemas/{name}`: the JSON schema of `image`, `images`, `member`, `members`, `task`, `tasks`,
    /// or, with a slash, of `metadefs/namespace` and similar.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for an unknown name.
    pub async fn schema_of(&self, name: &str) -> Result<Value, Error> {
        let segments: Vec<&str> = std::iter::once("schemas").chain(name.split('/')).collect();
        self.raw(&segments).await
    }
}
