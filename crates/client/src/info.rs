//! What the service says of itself.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::transport::Payload;
use crate::{Error, ImageClient};

/// The quotas of the project, by name: `image_size_total` and `image_stage_total` in MiB,
/// `image_count_total` and `image_count_uploading` in images. Empty where quotas are off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(default)]
    usage: BTreeMap<String, Quota>,
}

/// One quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// The limit; negative means none.
    pub limit: i64,
    /// What is used. The server's own count, which lags behind parallel requests.
    pub usage: i64,
}

impl Usage {
    /// The quota of that name, where it limits anything.
    #[must_use]
    pub fn quota(&self, name: &str) -> Option<Quota> {
        self.usage.get(name).copied().filter(|quota| quota.limit >= 0)
    }

    /// All quotas, those without a limit too.
    pub fn quotas(&self) -> impl Iterator<Item = (&str, Quota)> {
        self.usage.iter().map(|(name, quota)| (&**name, *quota))
    }
}

/// The parts of the image schema that say what the service takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageSchema {
    /// The values of `disk_format`; empty when the schema does not say.
    pub disk_formats: Vec<String>,
    /// The values of `container_format`; empty when the schema does not say.
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

    /// `GET /v2/info/import`: the names of the [import methods](crate::ImportMethod) that are on.
    /// Since API 2.6.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] from older services.
    pub async fn import_info(&self) -> Result<Vec<String>, Error> {
        let url = self.url(&["info", "import"]);
        let info: ImportInfo = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(info.methods.value)
    }

    /// The formats in `GET /v2/schemas/image`.
    ///
    /// The cheapest call that needs the token and shows that an image service answers.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the address is not that of an image service.
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

    /// `GET /v2/schemas/{name}`: the JSON schema of `image`, `images`, `member`, `members`, `task`,
    /// `tasks`, or, with a slash, of `metadefs/namespace` and its kin.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a name that the service does not know.
    pub async fn schema_of(&self, name: &str) -> Result<Value, Error> {
        let segments: Vec<&str> = std::iter::once("schemas").chain(name.split('/')).collect();
        self.raw(&segments).await
    }
}
