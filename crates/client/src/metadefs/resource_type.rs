//! The types of resources that definitions are for.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accessors::getter;
use crate::record::Record;
use crate::transport::Payload;
use crate::{Error, ImageClient};

/// A type of resource, such as `OS::Glance::Image` or `OS::Nova::Flavor`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadefResourceType {
    record: Record,
}

impl MetadefResourceType {
    getter! {
        /// The name.
        ///
        /// On the wire `name`.
        text name "name"
    }
    getter! {
        /// The creation time, ISO 8601.
        ///
        /// On the wire `created_at`.
        text created_at "created_at"
    }
    getter! {
        /// The time of the last change, ISO 8601.
        ///
        /// On the wire `updated_at`.
        text updated_at "updated_at"
    }

    /// The value of this key on the wire.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.record.get(key)
    }
}

#[derive(Deserialize)]
struct ResourceTypeList {
    resource_types: Vec<MetadefResourceType>,
}

impl ImageClient {
    /// `GET /v2/metadefs/resource_types`: all types that were ever associated with a namespace.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] by policy.
    pub async fn metadef_resource_types(&self) -> Result<Vec<MetadefResourceType>, Error> {
        let url = self.url(&["metadefs", "resource_types"]);
        let list: ResourceTypeList = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(list.resource_types)
    }
}
