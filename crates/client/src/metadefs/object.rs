//! The objects of a namespace: groups of properties.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::{body, by_name, definition, texts};
use super::property::MetadefProperty;
use crate::accessors::{getter, setter};
use crate::record::Record;
use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient};

/// A group of properties of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadefObject {
    record: Record,
}

definition!(MetadefObject "name");

impl MetadefObject {
    getter! {
        /// The name.
        ///
        /// On the wire `name`.
        text name "name"
    }
    getter! {
        /// The description.
        ///
        /// On the wire `description`.
        text description "description"
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

    /// The properties, sorted by name.
    ///
    /// On the wire `properties`.
    #[must_use]
    pub fn properties(&self) -> Vec<MetadefProperty> {
        by_name(&self.record, MetadefProperty::from_entry)
    }

    /// The property with this name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<MetadefProperty> {
        let schema = self.get("properties")?.get(name)?.as_object()?;
        Some(MetadefProperty::from_entry(name, schema))
    }

    /// The names of the properties that must be set.
    ///
    /// On the wire `required`.
    #[must_use]
    pub fn required(&self) -> Vec<&str> {
        texts(&self.record, "required")
    }

    setter! {
        /// Sets [`name`](Self::name). An update with another name renames the object.
        text set_name "name"
    }
    setter! {
        /// Sets [`description`](Self::description).
        text set_description "description"
    }

    /// Sets [`properties`](Self::properties). Those without a name are omitted.
    pub fn set_properties<'a>(
        &mut self,
        properties: impl IntoIterator<Item = &'a MetadefProperty>,
    ) {
        let properties = properties.into_iter().filter_map(MetadefProperty::to_entry);
        let properties: Map<String, Value> = properties.collect();
        self.change().set("properties", properties.into());
    }

    /// Sets [`required`](Self::required).
    pub fn set_required<T: Into<String>>(&mut self, names: impl IntoIterator<Item = T>) {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.change().set("required", names.into());
    }

    /// The body of a request, and the object as a part of a namespace to create.
    pub(super) fn to_json(&self) -> Value {
        body(&self.record).into()
    }
}

#[derive(Deserialize)]
struct ObjectList {
    objects: Vec<MetadefObject>,
}

impl ImageClient {
    /// `GET /v2/metadefs/namespaces/{namespace}/objects`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for a namespace that this project cannot see.
    pub async fn metadef_objects(&self, namespace: &str) -> Result<Vec<MetadefObject>, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "objects"]);
        let list: ObjectList = self.json(Method::GET, url, &Payload::Nothing).await?;
        Ok(list.objects)
    }

    /// `GET /v2/metadefs/namespaces/{namespace}/objects/{name}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn metadef_object(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<MetadefObject, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "objects", name]);
        self.json(Method::GET, url, &Payload::Nothing).await
    }

    /// `POST /v2/metadefs/namespaces/{namespace}/objects`.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for an object that does not match the schema, [`Error::Conflict`] for a name
    /// that the namespace has, [`Error::Forbidden`] by policy, [`Error::NotFound`].
    pub async fn create_metadef_object(
        &self,
        namespace: &str,
        object: &MetadefObject,
    ) -> Result<MetadefObject, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "objects"]);
        self.json(Method::POST, url, &Payload::Json(JSON, &object.to_json())).await
    }

    /// `PUT /v2/metadefs/namespaces/{namespace}/objects/{name}`: replaces an object.
    ///
    /// # Errors
    ///
    /// As [`create_metadef_object`](ImageClient::create_metadef_object), but Glance 33 answers
    /// [`Error::Unexpected`] (500) to a new name that another object has.
    pub async fn update_metadef_object(
        &self,
        namespace: &str,
        name: &str,
        object: &MetadefObject,
    ) -> Result<MetadefObject, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "objects", name]);
        self.json(Method::PUT, url, &Payload::Json(JSON, &object.to_json())).await
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}/objects/{name}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`] by policy and in a protected namespace.
    pub async fn delete_metadef_object(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "objects", name]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}/objects`: deletes all objects of a namespace.
    ///
    /// # Errors
    ///
    /// As [`delete_metadef_object`](ImageClient::delete_metadef_object).
    pub async fn delete_all_metadef_objects(&self, namespace: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "objects"]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}
