//! The forms of parts in responses, and the names of tags.

use serde_json::{Map, Value, json};

use crate::metadefs::{Namespace, Part};
use crate::response::{Refusal, refuse};

/// An object with its links.
pub(super) fn object_view(namespace: &str, part: &Part) -> Map<String, Value> {
    let mut shown = part.dated();
    shown.entry("properties").or_insert_with(|| json!({}));
    shown.entry("required").or_insert_with(|| json!([]));
    shown.insert("schema".into(), "/v2/schemas/metadefs/object".into());
    let path = format!("/v2/metadefs/namespaces/{namespace}/objects/{}", part.name);
    shown.insert("self".into(), path.into());
    shown
}

/// Refuses tags with the same name.
pub(super) fn without_repeated(tags: &[Part], namespace: &str) -> Result<(), Refusal> {
    for (at, tag) in tags.iter().enumerate() {
        if tags[..at].iter().any(|known| is_same_tag(&known.name, &tag.name)) {
            return Err(duplicate_tag(&tag.name, namespace));
        }
    }
    Ok(())
}

/// The properties of a namespace, by their names with a prefix.
pub(super) fn by_name(
    properties: &[Part],
    prefix: &str,
    view: fn(&Part) -> Map<String, Value>,
) -> Value {
    let shown = |part: &Part| (format!("{prefix}{}", part.name), view(part).into());
    Value::Object(properties.iter().map(shown).collect())
}

/// The prefix of an association; empty without one.
pub(super) fn prefix<'a>(namespace: &'a Namespace, resource_type: &str) -> &'a str {
    let found = namespace.associations.iter().find(|it| it.name == resource_type);
    found.and_then(|it| it.fields.get("prefix")?.as_str()).unwrap_or_default()
}

/// Whether two tags have the same name.
pub(super) fn is_same_tag(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// The 409 of a tag that exists.
pub(super) fn duplicate_tag(name: &str, namespace: &str) -> Refusal {
    refuse(
        409,
        format!(
            "A metadata tag with name={name} already exists in namespace={namespace}. (Please note that \
             metadata tag names are case insensitive)."
        ),
    )
}
