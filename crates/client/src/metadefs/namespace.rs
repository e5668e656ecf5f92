//! Namespaces: the containers of all other definitions.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::association::MetadefResourceTypeAssociation;
use super::definition::{body, by_name, definition, parts};
use super::object::MetadefObject;
use super::property::MetadefProperty;
use crate::accessors::{getter, setter};
use crate::record::Record;
use crate::transport::{JSON, Payload};
use crate::{Error, ImageClient};

/// A namespace of metadata definitions, which its name identifies. Its parts are properties, objects (groups
/// of properties), tags, and the types of resources that the definitions are for.
///
/// By default all projects read public namespaces, and only administrators change namespaces and their parts.
///
/// A namespace that was read has all its parts. A new one is created with the parts that are set. An update
/// does not change parts.
///
/// An update of a namespace, object or property replaces it: attributes that are not sent get their defaults.
/// So read it, change the copy, and send that. A change by another client in between is overwritten.
///
/// Glance accepts any name, but finds only names in ASCII without a slash: it decodes paths as Latin-1, and
/// splits them at an escaped slash too.
///
/// ```no_run
/// # use imgpush_client::{Error, ImageClient, MetadefNamespace, MetadefProperty};
/// # async fn tour(client: ImageClient) -> Result<(), Error> {
/// let mut wanted = MetadefNamespace::named("Example::Builds");
/// wanted.set_properties([&MetadefProperty::new("build", "Build number", "integer")]);
/// client.create_metadef_namespace(&wanted).await?;
///
/// let mut namespace = client.metadef_namespace("Example::Builds").await?;
/// namespace.set_description("Properties that the build sets");
/// client.update_metadef_namespace("Example::Builds", &namespace).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadefNamespace {
    record: Record,
}

definition!(MetadefNamespace "namespace");

impl MetadefNamespace {
    /// The name.
    ///
    /// On the wire `namespace`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.record.text("namespace").unwrap_or_default()
    }

    getter! {
        /// The name that users see.
        ///
        /// On the wire `display_name`.
        text display_name "display_name"
    }
    getter! {
        /// The description.
        ///
        /// On the wire `description`.
        text description "description"
    }
    getter! {
        /// The projects that can see it: private (its project) or public (all).
        ///
        /// On the wire `visibility`.
        visibility visibility "visibility"
    }
    getter! {
        /// Whether neither the namespace nor its parts can be deleted.
        ///
        /// On the wire `protected`.
        flag is_protected "protected"
    }
    getter! {
        /// The project that owns it.
        ///
        /// On the wire `owner`.
        text owner "owner"
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

    /// The types of resources that it is for.
    ///
    /// On the wire `resource_type_associations`.
    #[must_use]
    pub fn resource_type_associations(&self) -> Vec<MetadefResourceTypeAssociation> {
        parts(&self.record, "resource_type_associations")
    }

    /// The objects; none in a list of namespaces.
    ///
    /// On the wire `objects`.
    #[must_use]
    pub fn objects(&self) -> Vec<MetadefObject> {
        parts(&self.record, "objects")
    }

    /// The properties, sorted by name; none in a list of namespaces.
    ///
    /// On the wire `properties`.
    #[must_use]
    pub fn properties(&self) -> Vec<MetadefProperty> {
        by_name(&self.record, MetadefProperty::from_entry)
    }

    /// The tags; none in a list of namespaces.
    ///
    /// On the wire `tags`.
    #[must_use]
    pub fn tags(&self) -> Vec<&str> {
        let tags = self.get("tags").and_then(Value::as_array).into_iter().flatten();
        tags.filter_map(|tag| tag.get("name")?.as_str()).collect()
    }

    setter! {
        /// Sets [`namespace`](Self::namespace). An update with another name renames the namespace.
        text set_namespace "namespace"
    }
    setter! {
        /// Sets [`display_name`](Self::display_name).
        text set_display_name "display_name"
    }
    setter! {
        /// Sets [`description`](Self::description).
        text set_description "description"
    }
    setter! {
        /// Sets [`visibility`](Self::visibility).
        visibility set_visibility "visibility"
    }
    setter! {
        /// Sets [`is_protected`](Self::is_protected).
        flag set_protected "protected"
    }
    setter! {
        /// Sets [`owner`](Self::owner).
        text set_owner "owner"
    }

    /// Sets [`resource_type_associations`](Self::resource_type_associations) of a new namespace.
    pub fn set_resource_type_associations<'a>(
        &mut self,
        associations: impl IntoIterator<Item = &'a MetadefResourceTypeAssociation>,
    ) {
        let parts = associations.into_iter().map(MetadefResourceTypeAssociation::to_json);
        let parts: Vec<Value> = parts.collect();
        self.change().set("resource_type_associations", parts.into());
    }

    /// Sets [`objects`](Self::objects) of a new namespace.
    pub fn set_objects<'a>(&mut self, objects: impl IntoIterator<Item = &'a MetadefObject>) {
        let parts: Vec<Value> = objects.into_iter().map(MetadefObject::to_json).collect();
        self.change().set("objects", parts.into());
    }

    /// Sets [`properties`](Self::properties) of a new namespace. Those without a name are omitted.
    pub fn set_properties<'a>(
        &mut self,
        properties: impl IntoIterator<Item = &'a MetadefProperty>,
    ) {
        let entries = properties.into_iter().filter_map(MetadefProperty::to_entry);
        let entries: Map<String, Value> = entries.collect();
        self.change().set("properties", entries.into());
    }

    /// Sets [`tags`](Self::tags) of a new namespace.
    pub fn set_tags<T: AsRef<str>>(&mut self, tags: impl IntoIterator<Item = T>) {
        let tags = tags.into_iter().map(|tag| json!({ "name": tag.as_ref() }));
        let tags: Vec<Value> = tags.collect();
        self.change().set("tags", tags.into());
    }

    /// The body of an update, which has no parts.
    fn to_update(&self) -> Value {
        let mut body = body(&self.record);
        for key in ["resource_type_associations", "objects", "properties", "tags"] {
            body.remove(key);
        }
        body.into()
    }

    /// The body of a creation, with the parts that are there.
    fn to_creation(&self) -> Value {
        let mut whole = self.clone();
        // The parts of a namespace that was read have read-only attributes too, to which Glance 33 answers 500.
        if self.get("resource_type_associations").is_some() {
            whole.set_resource_type_associations(&self.resource_type_associations());
        }
        if self.get("objects").is_some() {
            whole.set_objects(&self.objects());
        }
        if self.get("properties").is_some() {
            whole.set_properties(&self.properties());
        }
        if self.get("tags").is_some() {
            whole.set_tags(self.tags());
        }
        body(&whole.record).into()
    }
}

impl ImageClient {
    /// `GET /v2/metadefs/namespaces/{namespace}`: with all its parts.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also for a namespace that this project cannot see.
    pub async fn metadef_namespace(&self, namespace: &str) -> Result<MetadefNamespace, Error> {
        let url = self.url(&["metadefs", "namespaces", namespace]);
        self.json(Method::GET, url, &Payload::Nothing).await
    }

    /// `POST /v2/metadefs/namespaces`: creates a namespace, with the parts that are set.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for a value that the server does not accept, [`Error::Conflict`] for a name that
    /// exists, [`Error::Forbidden`] by policy.
    pub async fn create_metadef_namespace(
        &self,
        namespace: &MetadefNamespace,
    ) -> Result<MetadefNamespace, Error> {
        let url = self.url(&["metadefs", "namespaces"]);
        self.json(Method::POST, url, &Payload::Json(JSON, &namespace.to_creation())).await
    }

    /// `PUT /v2/metadefs/namespaces/{name}`: replaces the attributes, but not the parts. Without a visibility
    /// the namespace becomes private, and without `protected` unprotected. The response has no parts.
    ///
    /// # Errors
    ///
    /// As [`create_metadef_namespace`](ImageClient::create_metadef_namespace), and [`Error::NotFound`].
    pub async fn update_metadef_namespace(
        &self,
        name: &str,
        namespace: &MetadefNamespace,
    ) -> Result<MetadefNamespace, Error> {
        let url = self.url(&["metadefs", "namespaces", name]);
        self.json(Method::PUT, url, &Payload::Json(JSON, &namespace.to_update())).await
    }

    /// `DELETE /v2/metadefs/namespaces/{namespace}`: deletes a namespace and its parts.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Forbidden`] for a protected namespace and by policy.
    pub async fn delete_metadef_namespace(&self, namespace: &str) -> Result<(), Error> {
        let url = self.url(&["metadefs", "namespaces", namespace]);
        self.call(Method::DELETE, url, &Payload::Nothing).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values as Glance 33 sends them.
    fn read() -> MetadefNamespace {
        serde_json::from_value(json!({
            "namespace": "NS", "visibility": "public", "protected": true, "owner": "o",
            "description": null, "created_at": "2026-11-30T06:05:11Z",
            "updated_at": "2026-11-30T06:05:11Z", "self": "/v2/metadefs/namespaces/NS",
            "schema": "/v2/schemas/metadefs/namespace", "tags": [{"name": "t"}],
            "resource_type_associations": [
                {"name": "OS::Glance::Image", "prefix": "hw:", "created_at": "x", "updated_at": "x"},
            ],
            "properties": {"p": {"name": "p", "type": "string", "title": "P", "minLength": 3}},
            "objects": [
                {"name": "o", "required": [], "properties": {}, "created_at": "x", "self": "/x"},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn what_was_read_can_be_sent() {
        let attributes = json!({
            "namespace": "NS", "visibility": "public", "protected": true, "owner": "o",
        });
        assert_eq!(read().to_update(), attributes);
        let mut created = attributes;
        created["tags"] = json!([{"name": "t"}]);
        created["resource_type_associations"] =
            json!([{"name": "OS::Glance::Image", "prefix": "hw:"}]);
        created["properties"] = json!({"p": {"type": "string", "title": "P", "minLength": 3}});
        created["objects"] = json!([{"name": "o", "required": [], "properties": {}}]);
        assert_eq!(read().to_creation(), created);
    }

    #[test]
    fn attributes_have_both_names() {
        let mut namespace = read();
        assert_eq!(namespace.get("is_protected"), namespace.get("protected"));
        namespace.set("is_protected", false);
        assert!(!namespace.is_protected());
        assert!(namespace.unset("protected") && !namespace.unset("protected"));
        let property = &read().properties()[0];
        assert_eq!((property.name(), property.min_length()), (Some("p"), Some(3)));
        assert_eq!(property.get("min_length"), property.get("minLength"));
    }
}
