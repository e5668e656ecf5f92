//! Validation against the published schemas, with the messages of Python's `jsonschema`.

use serde_json::{Map, Value};

use crate::response::{Refusal, refuse};
use crate::routes::schemas;
use crate::routes::validate::python;

/// Checks a body that has to be an object of this schema.
pub(super) fn validate(name: &str, body: &Value) -> Result<(), Refusal> {
    let schema = schemas::recorded(&format!("metadef_{name}"))?;
    let root = schema.as_object().cloned().unwrap_or_default();
    let title = root.get("name").and_then(Value::as_str).unwrap_or(name).to_owned();
    let mut checked = root.clone();
    checked.insert("additionalProperties".into(), false.into());
    let found = mismatch(&Value::Object(root), &Value::Object(checked), body);
    found.map_or(Ok(()), |found| {
        let Mismatch { what, rule, place, instance, value } = found;
        let parts = |parts: &[String]| parts.iter().rev().cloned().collect::<String>();
        Err(refuse(
            400,
            format!(
                "Provided object does not match schema '{title}': {what}\n\nFailed validating '{rule}' \
                 in schema{}\n\nOn instance{}:\n    {value}",
                parts(&place),
                parts(&instance)
            ),
        ))
    })
}

/// The first error, with the places in the schema and in the body, innermost part first.
struct Mismatch {
    what: String,
    rule: &'static str,
    place: Vec<String>,
    instance: Vec<String>,
    value: String,
}

impl Mismatch {
    fn below(mut self, place: &str, instance: &str) -> Self {
        self.place.push(place.to_owned());
        self.instance.push(instance.to_owned());
        self
    }
}

fn mismatch(root: &Value, schema: &Value, value: &Value) -> Option<Mismatch> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#'))?;
        return mismatch(root, target, value);
    }
    let words = python(value);
    let fail = |rule, what: String| {
        let (place, instance) = (Vec::new(), Vec::new());
        Some(Mismatch { what, rule, place, instance, value: words.clone() })
    };
    if let Some(kind) = schema["type"].as_str()
        && !is_of(kind, value)
    {
        return fail("type", format!("{words} is not of type '{kind}'"));
    }
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(value)
    {
        return fail("enum", format!("{words} is not one of {}", python(&schema["enum"])));
    }
    let length = value.as_str().map(|text| text.chars().count() as u64);
    if length.zip(schema["maxLength"].as_u64()).is_some_and(|(length, most)| length > most) {
        return fail("maxLength", format!("{words} is too long"));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        return fail("minimum", format!("{words} is less than the minimum of {least}"));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        if let Some(found) = mismatch(root, part, value) {
            return Some(found);
        }
    }
    match value {
        Value::Object(object) => in_object(root, schema, object, &fail),
        Value::Array(items) => {
            let is_unique =
                |(at, item): (usize, &Value)| !items.iter().take(at).any(|it| it == item);
            if schema["uniqueItems"] == true && !items.iter().enumerate().all(is_unique) {
                return fail("uniqueItems", format!("{words} has non-unique elements"));
            }
            let mut items = items.iter().enumerate();
            items.find_map(|(at, item)| {
                let found = mismatch(root, &schema["items"], item)?;
                Some(found.below("['items']", &format!("[{at}]")))
            })
        }
        _ => None,
    }
}

fn in_object(
    root: &Value,
    schema: &Value,
    object: &Map<String, Value>,
    fail: &dyn Fn(&'static str, String) -> Option<Mismatch>,
) -> Option<Mismatch> {
    let mut required = schema["required"].as_array().into_iter().flatten();
    if let Some(key) = required.find(|key| key.as_str().is_some_and(|it| !object.contains_key(it)))
    {
        return fail("required", format!("{} is a required property", python(key)));
    }
    for (key, value) in object {
        let instance = format!("['{key}']");
        if let Some(known) = schema["properties"].get(key) {
            if let Some(found) = mismatch(root, known, value) {
                return Some(found.below(&format!("['properties']['{key}']"), &instance));
            }
            continue;
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => {
                let what =
                    format!("Additional properties are not allowed ('{key}' was unexpected)");
                return fail("additionalProperties", what);
            }
            Some(more) => {
                if let Some(found) = mismatch(root, more, value) {
                    return Some(found.below("['additionalProperties']", &instance));
                }
            }
            None => {}
        }
    }
    None
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    }
}
