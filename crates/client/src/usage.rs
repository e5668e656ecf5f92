//! Quotas and what is used of them: `GET /v2/info/usage`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Error, ImageClient};

/// The quotas of the project, by name: `image_size_total` and `image_stage_total` in MiB,
/// `image_count_total` and `image_count_uploading` in images. Empty where quotas are off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Usage {
    #[serde(default)]
    usage: BTreeMap<String, Quota>,
}

/// One quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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
}

impl ImageClient {
    /// `GET /v2/info/usage`. Since API 2.13; older services answer 404.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] from older services.
    pub async fn usage(&self) -> Result<Usage, Error> {
        let url = self.url(&["info", "usage"]);
        self.json(http::Method::GET, url, &crate::http::Payload::Nothing).await
    }
}
