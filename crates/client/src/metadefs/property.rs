//! The properties of a namespace.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::{body, definition, texts};
use crate::accessors::{getter, setter};
use crate::record::Record;
use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient};

/// The definition of a property: a JSON schema with a name.
///
/// Every definition that is sent needs a name, a title and a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadefProperty {
    record: Record,
}

definition!(MetadefProperty "name");

impl MetadefProperty {
    getter! {
        /// The name, which a client sets as the key of the property.
        ///
        /// On the wire `name`.
        text name "name"
    }
    getter! {
        /// The name that users see.
        ///
        /// On the wire `title`.
        text title "title"
    }
    getter! {
        /// The type of the value: `string`, `integer`, `number`, `boolean`, `array` or `object`.
        ///
        /// On the wire `type`.
        text kind "type"
    }
    getter! {
        /// The description.
        ///
        /// On the wire `description`.
        text description "description"
    }
    getter! {
        /// Whether users cannot change the value.
        ///
        /// On the wire `readonly`.
        flag is_readonly "readonly"
    }
    getter! {
        /// The smallest value of a number.
        ///
        /// On the wire `minimum`.
        float minimum "minimum"
    }
    getter! {
        /// The largest value of a number.
        ///
        /// On the wire `maximum`.
        float maximum "maximum"
    }
    getter! {
        /// A regular expression that a text must match, in the dialect of JavaScript.
        ///
        /// On the wire `pattern`.
        text pattern "pattern"
    }
    getter! {
        /// The smallest length of a text, in characters.
        ///
        /// On the wire `minLength`.
        count min_length "minLength"
    }
    getter! {
        /// The largest length of a text, in characters.
        ///
        /// On the wire `maxLength`.
        count max_length "maxLength"
    }
    getter! {
        /// The schema of the items of an array.
        ///
        /// On the wire `items`.
        object items "items"
    }
    getter! {
        /// Whether the items of an array must be distinct.
        ///
        /// On the wire `uniqueItems`.
        flag require_unique_items "uniqueItems"
    }
    getter! {
        /// The smallest number of items of an array.
        ///
        /// On the wire `minItems`.
        count min_items "minItems"
    }
    getter! {
        /// The largest number of items of an array.
        ///
        /// On the wire `maxItems`.
        count max_items "maxItems"
    }

    /// The default value.
    ///
    /// On the wire `default`.
    #[must_use]
    pub fn default_value(&self) -> Option<&Value> {
        self.get("default").filter(|value| !value.is_null())
    }

    /// The allowed values; empty if all are. Glance 33 answers 500 to values that are not text.
    ///
    /// On the wire `enum`.
    #[must_use]
    pub fn allowed_values(&self) -> &[Value] {
        self.get("enum").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The operators that may precede the value: `<or>`, `<in>`, `<all-in>`, …
    ///
    /// On the wire `operators`.
    #[must_use]
    pub fn operators(&self) -> Vec<&str> {
        texts(&self.record, "operators")
    }

    /// Whether an array may be longer than the list of schemas in [`items`](MetadefProperty::items).
    ///
    /// On the wire `additionalItems`.
    #[must_use]
    pub fn allow_additional_items(&self) -> Option<bool> {
        self.record.boolean("additionalItems")
    }

    setter! {
        /// Sets [`name`](Self::name). An update with another name renames the property.
        text set_name "name"
    }
    setter! {
        /// Sets [`title`](Self::title).
        text set_title "title"
    }
    setter! {
        /// Sets [`kind`](Self::kind).
        text set_kind "type"
    }
    setter! {
        /// Sets [`description`](Self::description).
        text set_description "description"
    }
    setter! {
        /// Sets [`is_readonly`](Self::is_readonly).
        flag set_readonly "readonly"
    }

    /// A property with a title and a type, to create it.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        kind: impl Into<String>,
    ) -> MetadefProperty {
        let mut property = MetadefProperty::named(name);
        property.set_title(title);
        property.set_kind(kind);
        property
    }

    /// A property from a mapping by name.
    pub(super) fn from_entry(name: &str, schema: &Map<String, Value>) -> MetadefProperty {
        let mut property = MetadefProperty { record: Record(schema.clone()) };
        property.set_name(name);
        property
    }

    /// The name and the schema, as an entry of a mapping by name.
    pub(super) fn to_entry(&self) -> Option<(String, Value)> {
        let mut schema = body(&self.record);
        let name = schema.remove("name")?.as_str()?.to_owned();
        Some((name, schema.into()))
    }

    fn to_json(&self) -> Value {
        body(&self.record).into()
    }
}

#[derive(Deserialize)]
struct PropertyList {
    properties: BTreeMap<String, Map<String, Value>>,
}

impl ImageClient {
    /// `GET /v2/metadefs/namespaces/{namespace}/properties`, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for a namespace that this project cannot see.
    pub async fn metadef_properties(&self, namespace: &str) -> Result<Vec<MetadefProperty>, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "properties"]);
        let list: PropertyList = self.json(Method::GET, url, &Payload::Nothing).await?;
        let properties = list.properties.iter();
        Ok(properties.map(|(name, schema)| MetadefProperty::from_entry(name, schema)).collect())
    }

    /// `GET /v2/metadefs/namespaces/{namespace}/properties/{name}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn metadef_property(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<MetadefProperty, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "properties", name]);
        self.json(Method::GET, url, &Payload::Nothing).await
    }

    /// `POST /v2/metadefs/namespaces/{namespace}/properties`.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for a definition that does not match the schema, [`Error::Conflict`] for a name
    /// that the namespace has, [`Error::Forbidden`] by policy, [`Error::NotFound`].
    pub async fn create_metadef_property(
        &self,
        namespace: &str,
        property: &MetadefProperty,
    ) -> Result<MetadefProperty, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "properties"]);
        self.json(Method::POST, url, &Payload::Json(JSON, &property.to_json())).await
    }

    /// `PUT /v2/metadefs/namespaces/{namespace}/properties/{name}`: replaces a property.
    ///
    /// # Errors
    ///
    /// As [`create_metadef_property`](ImageClient::create_metadef_property), but Glance 33 answers
    /// [`Error::Unexpected`] (500) to a new name that another property has.
    pub async fn update_metadef_property(
        &self,
        namespace: &str,
        name: &str,
        property: &MetadefProperty,
    ) -> Result<MetadefProperty, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "properties", name]);
        self.json(Method::PUT, url, &Payload::Json(JSON, &property.to_json())).await
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}/properties/{name}`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`] by policy and in a protected namespace.
    pub async fn delete_metadef_property(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "properties", name]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}/properties`: deletes all properties of a namespace.
    ///
    /// # Errors
    ///
    /// As [`delete_metadef_property`](ImageClient::delete_metadef_property).
    pub async fn delete_all_metadef_properties(&self, namespace: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace, "properties"]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}
