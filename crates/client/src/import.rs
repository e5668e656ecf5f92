//! Imports: images that the service fetches or decompresses itself.

use http::Method;
use serde_json::{Map, Value, json};

use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient};

/// An import method and its target stores, for `POST /v2/images/{id}/import`.
///
/// openstacksdk's parameter `store` is [`into_stores`](Import::into_stores) with one store. The store is
/// never sent in a header as well, since a service with several stores answers 400 to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    method: ImportMethod,
    stores: Stores,
    all_stores_must_succeed: Option<bool>,
}

/// The source of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportMethod {
    /// `glance-direct`: the [staged](ImageClient::stage) data.
    GlanceDirect,
    /// `web-download`: an address that the service fetches; the operator restricts the allowed ones.
    WebDownload {
        /// `http:` or `https:`.
        uri: String,
    },
    /// `glance-download`: an active image of another region with the same identity service. Formats and some
    /// properties are copied too.
    GlanceDownload {
        /// The region, as the catalog names it.
        region: String,
        /// The id of the image in that region.
        image_id: String,
        /// `public`, `internal` or `admin`; the service uses `public` by default.
        interface: Option<String>,
    },
    /// `copy-image`: copies the data of an active image into further stores. Administrators only, unless the
    /// operator allows others.
    CopyImage,
    /// Any other method, with additional fields.
    Other {
        /// Its name, as [`import_info`](ImageClient::import_info) lists it.
        name: String,
        /// Its fields.
        fields: Map<String, Value>,
    },
}

/// The target stores of imported data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Stores {
    #[default]
    Default,
    These(Vec<String>),
    All,
}

impl ImportMethod {
    /// Its name on the wire.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            ImportMethod::GlanceDirect => "glance-direct",
            ImportMethod::WebDownload { .. } => "web-download",
            ImportMethod::GlanceDownload { .. } => "glance-download",
            ImportMethod::CopyImage => "copy-image",
            ImportMethod::Other { name, .. } => name,
        }
    }
}

impl Import {
    /// An import with this method into the default store.
    #[must_use]
    pub fn by(method: ImportMethod) -> Self {
        Import { method, stores: Stores::Default, all_stores_must_succeed: None }
    }

    /// An import of staged data.
    #[must_use]
    pub fn staged() -> Self {
        Import::by(ImportMethod::GlanceDirect)
    }

    /// An import of the data at an address.
    #[must_use]
    pub fn from_web(uri: impl Into<String>) -> Self {
        Import::by(ImportMethod::WebDownload { uri: uri.into() })
    }

    /// Sets the target stores.
    #[must_use]
    pub fn into_stores<S: Into<String>>(mut self, stores: impl IntoIterator<Item = S>) -> Self {
        self.stores = Stores::These(stores.into_iter().map(Into::into).collect());
        self
    }

    /// Selects all stores.
    #[must_use]
    pub fn into_all_stores(mut self) -> Self {
        self.stores = Stores::All;
        self
    }

    /// Sets whether one failed store reverts the complete import; the service's default is true.
    #[must_use]
    pub fn all_stores_must_succeed(mut self, must: bool) -> Self {
        self.all_stores_must_succeed = Some(must);
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &ImportMethod {
        &self.method
    }

    /// Whether the import may succeed although a store failed.
    #[must_use]
    pub fn may_lose_stores(&self) -> bool {
        self.all_stores_must_succeed == Some(false)
    }

    #[expect(clippy::indexing_slicing, reason = "an object that is made here")]
    fn to_json(&self) -> Value {
        let mut method = match &self.method {
            ImportMethod::Other { fields, .. } => fields.clone(),
            _ => Map::new(),
        };
        method.insert("name".into(), self.method.name().into());
        match &self.method {
            ImportMethod::WebDownload { uri } => {
                method.insert("uri".into(), uri.as_str().into());
            }
            ImportMethod::GlanceDownload { region, image_id, interface } => {
                method.insert("glance_region".into(), region.as_str().into());
                method.insert("glance_image_id".into(), image_id.as_str().into());
                if let Some(interface) = interface {
                    method.insert("glance_service_interface".into(), interface.as_str().into());
                }
            }
            _ => {}
        }
        let mut body = json!({ "method": method });
        match &self.stores {
            Stores::Default => {}
            Stores::These(stores) => body["stores"] = json!(stores),
            Stores::All => body["all_stores"] = true.into(),
        }
        if let Some(must) = self.all_stores_must_succeed {
            body["all_stores_must_succeed"] = must.into();
        }
        body
    }
}

impl ImageClient {
    /// `POST /v2/images/{id}/import`: starts an import. Since API 2.6.
    /// [`import_and_wait`](ImageClient::import_and_wait) also waits for its end.
    ///
    /// Both formats must be set. `glance-direct` needs the status `uploading`, `copy-image` `active`, all
    /// others `queued`.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for another status, missing formats, an unknown store, or while another import is
    /// running; [`Error::BadRequest`] for a method or an address that is not allowed; [`Error::Forbidden`] by
    /// policy; [`Error::TooLarge`] over a quota.
    pub async fn import(&self, id: &str, import: &Import) -> Result<(), Error> {
        let url = self.url(&["images", id, "import"]);
        self.call(Method::POST, url, &Payload::Json(JSON, &import.to_json())).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_serialised() {
        for (import, body) in [
            (Import::staged(), json!({"method": {"name": "glance-direct"}})),
            (
                Import::from_web("http://h/i").into_stores(["a"]).all_stores_must_succeed(true),
                json!({"method": {"name": "web-download", "uri": "http://h/i"}, "stores": ["a"],
                    "all_stores_must_succeed": true}),
            ),
            (
                Import::by(ImportMethod::GlanceDownload {
                    region: "R2".into(),
                    image_id: "i".into(),
                    interface: None,
                }),
                json!({"method": {"name": "glance-download", "glance_region": "R2",
                    "glance_image_id": "i"}}),
            ),
            (
                Import::by(ImportMethod::CopyImage)
                    .into_all_stores()
                    .all_stores_must_succeed(false),
                json!({"method": {"name": "copy-image"}, "all_stores": true,
                    "all_stores_must_succeed": false}),
            ),
        ] {
            assert_eq!(import.to_json(), body);
        }
    }
}
