//! Metadata definitions: namespaces with objects, properties, tags and resource types.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::policy::Caller;

/// All namespaces, and the resource types that were ever associated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadefs {
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) types: Vec<Part>,
}

/// A namespace.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    /// `display_name` and `description`, if given.
    pub(crate) texts: Map<String, Value>,
    pub(crate) name: String,
    pub(crate) owner: Option<String>,
    pub(crate) is_public: bool,
    pub(crate) is_protected: bool,
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) objects: Vec<Part>,
    pub(crate) properties: Vec<Part>,
    pub(crate) tags: Vec<Part>,
    /// Associations with resource types.
    pub(crate) associations: Vec<Part>,
}

/// An object, property, tag, association or resource type.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Everything but the name and the times.
    pub(crate) fields: Map<String, Value>,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

impl Part {
    /// A new part from the body of a request.
    pub(crate) fn new(mut fields: Map<String, Value>) -> Self {
        let name = fields.remove("name").and_then(|name| name.as_str().map(str::to_owned));
        let now = clock::now();
        Part { name: name.unwrap_or_default(), fields, created: now, updated: now }
    }

    /// Replaces everything but the time of creation.
    pub(crate) fn replace(&mut self, fields: Map<String, Value>) {
        *self = Part { created: self.created, ..Part::new(fields) };
    }

    /// The name and the fields.
    pub(crate) fn plain(&self) -> Map<String, Value> {
        let mut shown = self.fields.clone();
        shown.insert("name".into(), self.name.clone().into());
        shown
    }

    /// The same with the times.
    pub(crate) fn dated(&self) -> Map<String, Value> {
        let mut shown = self.plain();
        shown.insert("created_at".into(), clock::seconds_text(self.created).into());
        shown.insert("updated_at".into(), clock::seconds_text(self.updated).into());
        shown
    }

    fn to_json(&self) -> Value {
        json!([self.plain(), self.created, self.updated])
    }

    fn from_json(value: &Value) -> Option<Self> {
        let part = Part::new(value[0].as_object()?.clone());
        Some(Part { created: value[1].as_u64()?, updated: value[2].as_u64()?, ..part })
    }
}

impl Namespace {
    /// Whether the caller sees it: it is public, the caller's, or the caller is an administrator.
    pub(crate) fn is_visible(&self, caller: &Caller) -> bool {
        let is_own = caller.project.is_some() && self.owner.as_deref() == caller.project.as_deref();
        self.is_public || is_own || caller.is_admin()
    }

    /// Its own attributes.
    pub(crate) fn shown(&self) -> Map<String, Value> {
        let mut shown = self.texts.clone();
        for (key, value) in [
            ("namespace", json!(self.name)),
            ("visibility", json!(if self.is_public { "public" } else { "private" })),
            ("protected", json!(self.is_protected)),
            ("created_at", json!(clock::seconds_text(self.created))),
            ("updated_at", json!(clock::seconds_text(self.updated))),
            ("schema", json!("/v2/schemas/metadefs/namespace")),
            ("self", json!(format!("/v2/metadefs/namespaces/{}", self.name))),
        ] {
            shown.insert(key.into(), value);
        }
        if let Some(owner) = &self.owner {
            shown.insert("owner".into(), owner.clone().into());
        }
        shown
    }
}

impl Metadefs {
    pub(crate) fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }

    /// Adds a resource type, which stays when its associations are removed.
    pub(crate) fn know_type(&mut self, name: &str) {
        if !self.types.iter().any(|known| known.name == name) {
            self.types.push(Part::new(Map::from_iter([("name".to_owned(), name.into())])));
        }
    }

    /// The content of its file.
    pub(crate) fn to_json(&self) -> Value {
        let parts = |parts: &[Part]| parts.iter().map(Part::to_json).collect::<Value>();
        let namespace = |it: &Namespace| {
            json!({
                "texts": it.texts, "name": it.name, "owner": it.owner, "public": it.is_public,
                "protected": it.is_protected, "created": it.created, "updated": it.updated,
                "objects": parts(&it.objects), "properties": parts(&it.properties),
                "tags": parts(&it.tags), "associations": parts(&it.associations),
            })
        };
        let namespaces: Vec<Value> = self.namespaces.iter().map(namespace).collect();
        json!({"namespaces": namespaces, "types": parts(&self.types)})
    }

    /// Parses its file; entries with another content are left out.
    pub(crate) fn from_json(value: &Value) -> Self {
        let parts = |value: &Value| -> Vec<Part> {
            value.as_array().into_iter().flatten().filter_map(Part::from_json).collect()
        };
        let namespace = |it: &Value| {
            Some(Namespace {
                texts: it["texts"].as_object()?.clone(),
                name: it["name"].as_str()?.to_owned(),
                owner: it["owner"].as_str().map(str::to_owned),
                is_public: it["public"].as_bool()?,
                is_protected: it["protected"].as_bool()?,
                created: it["created"].as_u64()?,
                updated: it["updated"].as_u64()?,
                objects: parts(&it["objects"]),
                properties: parts(&it["properties"]),
                tags: parts(&it["tags"]),
                associations: parts(&it["associations"]),
            })
        };
        let namespaces = value["namespaces"].as_array().into_iter().flatten();
        Metadefs {
            namespaces: namespaces.filter_map(namespace).collect(),
            types: parts(&value["types"]),
        }
    }
}
