//! Values of options of `imgpush image metadef`.

use serde_json::{Map, Value};

/// The name of a definition to create. Glance accepts more names than it can find again by their path.
pub(super) fn new_name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("a name cannot be empty".to_owned()),
        "." | ".." => Err("Glance cannot find this name".to_owned()),
        _ if text.contains('/') => Err("Glance cannot find names with a slash".to_owned()),
        _ if !text.is_ascii() => Err("Glance cannot find names that are not ASCII".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// A JSON object.
pub(super) fn json_object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("expected a JSON object, such as {\"minimum\": 1}".to_owned()),
        Err(error) => Err(format!("this is not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_glance_cannot_find_are_refused() {
        for name in ["OS::Compute::Libvirt", "with space", "a.b", "50% & more?", "..."] {
            assert_eq!(new_name(name).as_deref(), Ok(name));
        }
        for name in ["", ".", "..", "a/b", "/", "\u{fc}"] {
            assert!(new_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_schema_is_an_object() {
        assert_eq!(json_object("{\"a\": 1}").unwrap().len(), 1);
        for text in ["", "{", "[]", "1", "null"] {
            assert!(json_object(text).is_err(), "{text}");
        }
    }
}
