//! Associations of a namespace with types of resources.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::definition::{body, definition};
use crate::accessors::{getter, setter};
use crate::record::Record;
use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient};

/// An association of a namespace with a type of resource: its definitions are for resources of this type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadefResourceTypeAssociation {
    record: Record,
}

definition!(MetadefResourceTypeAssociation "name");

impl MetadefResourceTypeAssociation {
    getter! {
        /// The name of the type.
        ///
        /// On the wire `name`.
        text name "name"
    }
    getter! {
        /// The prefix of the names of properties for this type, such as `hw:`.
        ///
        /// On the wire `prefix`.
        text prefix "prefix"
    }
    getter! {
        /// The target of the properties, if resources of this type have several sets, such as `image`.
        ///
        /// On the wire `properties_target`.
        text properties_target "properties_target"
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

    setter! {
        /// Sets [`prefix`](Self::prefix), with its separator.
        text set_prefix "prefix"
    }
    setter! {
        /// Sets [`properties_target`](Self::properties_target).
        text set_properties_target "properties_target"
    }

    /// The body of a request.
    pub(super) fn to_json(&self) -> Value {
        body(&self.record).into()
    }
}

#[derive(Deserialize)]
struct AssociationList {
    resource_type_associations: Vec<MetadefResourceTypeAssociation>,
}

impl ImageClient {
    /// `GET /v2/metadefs/namespaces/{namespace}/resource_types`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for a namespace that this project cannot see.
    pub async fn metadef_resource_type_associations(
        &self,
        namespace: &str,
    ) -> Result<Vec<MetadefResourceTypeAssociation>, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "resource_types"]);
        let list: AssociationList = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(list.resource_type_associations)
    }

    /// `POST /v2/metadefs/namespaces/{namespace}/resource_types`. A type that does not exist is created.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a type that the namespace is associated with, [`Error::Forbidden`] by policy,
    /// [`Error::NotFound`], [`Error::BadRequest`].
    pub async fn create_metadef_resource_type_association(
        &self,
        namespace: &str,
        association: &MetadefResourceTypeAssociation,
    ) -> Result<MetadefResourceTypeAssociation, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "resource_types"]);
        self.json(Method::POST, url, &Payload::Json(JSON, &association.to_json())).await
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}/resource_types/{name}`. The type itself stays.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`] by policy and in a protected namespace.
    pub async fn delete_metadef_resource_type_association(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "resource_types", name]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}
