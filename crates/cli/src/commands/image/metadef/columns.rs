//! Which columns there are, and what is in them: openstackclient's choice.

use imgpush_client::{
    MetadefNamespace, MetadefObject, MetadefProperty, MetadefResourceTypeAssociation,
};
use serde_json::{Map, Value};

pub(super) const NAMESPACES: [&str; 1] = ["namespace"];
pub(super) const OBJECTS: [&str; 2] = ["name", "description"];
pub(super) const PROPERTIES: [&str; 3] = ["name", "title", "type"];
pub(super) const TYPES: [&str; 1] = ["Name"];

/// A row of a list; what is not there is null.
pub(super) fn row(keys: &[&str], record: &Map<String, Value>) -> Vec<Value> {
    keys.iter().map(|key| record.get(*key).cloned().unwrap_or_default()).collect()
}

/// A namespace without its objects and properties, which have lists of their own, and without what is null.
pub(super) fn namespace(namespace: &MetadefNamespace) -> Vec<(String, Value)> {
    let fields = [
        "created_at",
        "description",
        "display_name",
        "namespace",
        "owner",
        "protected",
        "updated_at",
        "visibility",
    ];
    let present = |key: &str| Some((key.to_owned(), namespace.get(key)?.clone()));
    let mut shown: Vec<_> = fields.into_iter().filter_map(present).collect();
    let types = namespace.resource_type_associations();
    if !types.is_empty() {
        let names = types.iter().map(|it| it.name().unwrap_or_default());
        shown.push(("resource_type_associations".to_owned(), names.collect()));
    }
    let tags = namespace.get("tags").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    shown.push(("tags".to_owned(), tags));
    shown.retain(|(_, value)| !value.is_null());
    shown.sort_by(|(a, _), (b, _)| a.cmp(b));
    shown
}

/// An object; what is not there is null.
pub(super) fn object(namespace: &str, object: &MetadefObject) -> Vec<(String, Value)> {
    let field = |key: &str| {
        let value = match key {
            "namespace_name" => Value::from(namespace),
            key => object.get(key).cloned().unwrap_or_default(),
        };
        (key.to_owned(), value)
    };
    let keys = [
        "created_at",
        "description",
        "name",
        "namespace_name",
        "properties",
        "required",
        "updated_at",
    ];
    keys.into_iter().map(field).collect()
}

/// All attributes of a property, without what is null. openstackclient omits those whose name in
/// openstacksdk differs from that on the wire, such as `minLength`.
pub(super) fn property(property: &MetadefProperty) -> Vec<(String, Value)> {
    let pairs = property.record().iter().filter(|(_, value)| !value.is_null());
    // A map is sorted.
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// An association, which its type identifies.
pub(super) fn association(association: &MetadefResourceTypeAssociation) -> Vec<(String, Value)> {
    let field = |key: &str| {
        let wire = if key == "id" { "name" } else { key };
        (key.to_owned(), association.get(wire).cloned().unwrap_or_default())
    };
    let keys = ["created_at", "id", "name", "prefix", "properties_target", "updated_at"];
    keys.into_iter().map(field).collect()
}
