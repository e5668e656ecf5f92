//! Changes of a record, in the one dialect of JSON patch that the Image API takes.
//!
//! Allowed are `add`, `remove` and `replace` of keys at the root. So a change of `tags` is one
//! `replace` of the whole list.

use serde_json::{Value, json};

/// One change of a record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PatchOp {
    /// Sets a key, whether it is there or not.
    Add(String, Value),
    /// Sets a key that is there; 409 when it is not.
    Replace(String, Value),
    /// Removes a key that is there; 403 for base attributes, 409 when it is not there.
    Remove(String),
}

impl PatchOp {
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

/// RFC 6901: `~` and `/` stand for themselves only escaped.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
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
}
