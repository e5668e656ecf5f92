//! Changes of a record, in the subset of JSON patch that the Image API accepts.
//!
//! Allowed are `add`, `remove` and `replace` of root keys. So a change of `tags` is one `replace` of the
//! complete list.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::record::Record;

/// One change of a record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PatchOp {
    /// Sets a key, whether or not it exists.
    Add(String, Value),
    /// Sets an existing key; 409 if it does not exist.
    Replace(String, Value),
    /// Removes an existing key; 403 for base attributes, 409 if it does not exist.
    Remove(String),
}

impl PatchOp {
    /// The operations that turn `seen` into `wanted`, by key. The order of tags does not matter.
    pub(crate) fn between(seen: &Record, wanted: &Record) -> Vec<PatchOp> {
        let keys: BTreeSet<&String> = seen.0.keys().chain(wanted.0.keys()).collect();
        let change = |key: &String| match (seen.get(key), wanted.get(key)) {
            (Some(before), Some(after)) if before == after => None,
            (Some(before), Some(after)) if key == "tags" && is_same_set(before, after) => None,
            (Some(_), Some(after)) => Some(PatchOp::Replace(key.clone(), after.clone())),
            (None, Some(after)) => Some(PatchOp::Add(key.clone(), after.clone())),
            (Some(_), None) => Some(PatchOp::Remove(key.clone())),
            (None, None) => None,
        };
        keys.into_iter().filter_map(change).collect()
    }

    pub(crate) fn to_json(operations: &[PatchOp]) -> Value {
        operations
            .iter()
            .map(|operation| match operation {
                PatchOp::Add(key, value) => {
                    json!({"op": "add", "path": pointer(key), "value": value})
                }
                PatchOp::Replace(key, value) => {
                    json!({"op": "replace", "path": pointer(key), "value": value})
                }
                PatchOp::Remove(key) => json!({"op": "remove", "path": pointer(key)}),
            })
            .collect()
    }
}

/// Whether both are lists of the same values in any order.
fn is_same_set(one: &Value, other: &Value) -> bool {
    let set = |value: &Value| {
        let values = value.as_array()?.iter();
        Some(values.map(ToString::to_string).collect::<BTreeSet<String>>())
    };
    set(one).is_some_and(|one| set(other).is_some_and(|other| one == other))
}

/// Escapes a key for a JSON pointer (RFC 6901): `~` and `/`.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;
    use serde_json::Map;

    use super::*;

    #[test]
    fn keys_with_slashes_and_tildes_are_escaped() {
        let body = PatchOp::to_json(&[
            PatchOp::Add("owner_specified.openstack/a~b".into(), "x".into()),
            PatchOp::Remove("plain".into()),
        ]);
        assert_eq!(
            body,
            json!([
                {"op": "add", "path": "/owner_specified.openstack~1a~0b", "value": "x"},
                {"op": "remove", "path": "/plain"}
            ])
        );
    }

    /// Records with keys that often collide and that need escapes, and values of every type.
    fn record() -> impl Strategy<Value = Map<String, Value>> {
        let value = prop_oneof![
            "[a-c~/é]{0,3}".prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            (0u64..3).prop_map(Value::from),
            Just(Value::Null),
            proptest::collection::vec("[a-c]{1,2}", 0..3).prop_map(Value::from),
        ];
        btree_map("tags|[ab~/]{1,3}|é", value, 0..8).prop_map(|pairs| pairs.into_iter().collect())
    }

    /// Sorts the tags, which are a set.
    fn with_sorted_tags(json: &Value) -> Value {
        let mut json = json.clone();
        if let Some(tags) = json.get_mut("tags").and_then(Value::as_array_mut) {
            let set: BTreeSet<String> =
                tags.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            *tags = set.into_iter().map(Value::from).collect();
        }
        json
    }

    proptest! {
        /// The oracle is another implementation of RFC 6902.
        #[test]
        fn a_patch_yields_the_wanted_record(seen in record(), wanted in record()) {
            let operations = PatchOp::between(&Record(seen.clone()), &Record(wanted.clone()));
            let body = PatchOp::to_json(&operations);
            let patch: json_patch::Patch = serde_json::from_value(body.clone()).unwrap();
            let mut document = Value::Object(seen.clone());
            json_patch::patch(&mut document, &patch).unwrap();
            prop_assert_eq!(with_sorted_tags(&document), with_sorted_tags(&Value::Object(wanted)));

            // Root keys only, each once, in order.
            let paths: Vec<&str> =
                body.as_array().unwrap().iter().map(|o| o["path"].as_str().unwrap()).collect();
            prop_assert!(paths.iter().all(|path| path.matches('/').count() == 1), "{:?}", paths);
            let keys: BTreeSet<&&str> = paths.iter().collect();
            prop_assert_eq!(keys.len(), paths.len());
            prop_assert!(PatchOp::between(&Record(seen.clone()), &Record(seen)).is_empty());
        }
    }
}
