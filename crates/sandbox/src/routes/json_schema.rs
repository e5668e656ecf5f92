//! Validation against the published schemas, with the messages of Python's `jsonschema`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::python::{OrderedJson, pformat, python, repr, repr_of_text};
use super::schemas;
use crate::response::{Refusal, internal_error, refuse};

/// Checks a body that has to be an object of the schema with this name.
pub(super) fn check(name: &str, body: &Value) -> Result<(), Refusal> {
    check_with(&*schema(name)?, body)
}

/// Checks the definition of a property whose name is elsewhere.
pub(super) fn check_unnamed_property(body: &Value) -> Result<(), Refusal> {
    let mut schema = OrderedJson::clone(&*schema("metadef_property")?);
    if let OrderedJson::Object(entries) = &mut schema {
        for (_, required) in entries.iter_mut().filter(|(key, _)| key == "required") {
            if let OrderedJson::List(names) = required {
                names.retain(|name| name.as_str() != Some("name"));
            }
        }
    }
    check_with(&schema, body)
}

/// The schemas that were used, parsed once: each attribute of an image is checked alone.
static PARSED: Mutex<BTreeMap<String, Arc<OrderedJson>>> = Mutex::new(BTreeMap::new());

fn schema(name: &str) -> Result<Arc<OrderedJson>, Refusal> {
    let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(schema) = parsed.get(name) {
        return Ok(Arc::clone(schema));
    }
    let schema = Arc::new(parse(name)?);
    parsed.insert(name.to_owned(), Arc::clone(&schema));
    Ok(schema)
}

/// A recorded schema as the service uses it: only images and locations may have other attributes.
fn parse(name: &str) -> Result<OrderedJson, Refusal> {
    let recorded: OrderedJson =
        serde_json::from_str(schemas::recorded_text(name)?).map_err(|_| internal_error())?;
    let mut schema = recorded.get("body").cloned().ok_or_else(internal_error)?;
    if let OrderedJson::Object(entries) = &mut schema
        && !matches!(name, "image" | "add_location")
    {
        entries.retain(|(key, _)| key != "additionalProperties");
        let at = entries.iter().position(|(key, _)| key == "properties").map_or(0, |at| at + 1);
        let none = OrderedJson::Scalar(false.into());
        entries.insert(at, ("additionalProperties".to_owned(), none));
    }
    Ok(schema)
}

fn check_with(schema: &OrderedJson, body: &Value) -> Result<(), Refusal> {
    let mut found = Vec::new();
    find(schema, schema, body, &mut found);
    // Of several errors `jsonschema` reports the one closest to the root.
    let mut best: Option<Mismatch<'_>> = None;
    for mismatch in found {
        if best.as_ref().is_none_or(|best| mismatch.rank() > best.rank()) {
            best = Some(mismatch);
        }
    }
    best.map_or(Ok(()), |best| Err(best.refusal(schema)))
}

/// A key or an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn key(name: &str) -> Self {
        Step::Key(name.to_owned())
    }
}

/// An error, with the places in the schema and in the body, innermost step first.
struct Mismatch<'a> {
    what: String,
    rule: &'static str,
    schema: &'a OrderedJson,
    value: &'a Value,
    place: Vec<Step>,
    instance: Vec<Step>,
}

impl Mismatch<'_> {
    /// The order of `jsonschema.exceptions.best_match`.
    fn rank(&self) -> (std::cmp::Reverse<usize>, Vec<Step>, bool) {
        let path = self.instance.iter().rev().cloned().collect();
        let fits = self.schema.get("type").is_some_and(|kind| is_of(kind, self.value));
        (std::cmp::Reverse(self.instance.len()), path, !fits)
    }

    fn refusal(&self, root: &OrderedJson) -> Refusal {
        let name = root.get("name").and_then(OrderedJson::as_str).unwrap_or_default();
        let path = |steps: &[Step]| -> String {
            let shown = steps.iter().rev().map(|step| match step {
                Step::Key(key) => format!("[{}]", repr_of_text(key)),
                Step::Index(index) => format!("[{index}]"),
            });
            shown.collect()
        };
        let indented = |value: &OrderedJson| pformat(value).replace('\n', "\n    ");
        refuse(
            400,
            format!(
                "Provided object does not match schema '{name}': {}\n\nFailed validating '{}' in \
                 schema{}:\n    {}\n\nOn instance{}:\n    {}",
                self.what,
                self.rule,
                path(&self.place),
                indented(self.schema),
                path(&self.instance),
                indented(&OrderedJson::from(self.value)),
            ),
        )
    }
}

/// Collects the errors of a value, in the order of the schema's keywords.
fn find<'a>(
    root: &'a OrderedJson,
    schema: &'a OrderedJson,
    value: &'a Value,
    found: &mut Vec<Mismatch<'a>>,
) {
    for (keyword, argument) in schema.entries() {
        let mut fail = |rule, what| {
            let (place, instance) = (Vec::new(), Vec::new());
            found.push(Mismatch { what, rule, schema, value, place, instance });
        };
        let length = value.as_str().map(|text| text.chars().count() as u64);
        let words = || python(value);
        match keyword.as_str() {
            "type" if !is_of(argument, value) => {
                let names: Vec<String> = match argument {
                    OrderedJson::List(names) => names.iter().map(repr).collect(),
                    name => vec![repr(name)],
                };
                fail("type", format!("{} is not of type {}", words(), names.join(", ")));
            }
            "enum" if !argument.items().iter().any(|known| known.is(value)) => {
                fail("enum", format!("{} is not one of {}", words(), repr(argument)));
            }
            "maxLength" if length.zip(argument.as_u64()).is_some_and(|(it, most)| it > most) => {
                fail("maxLength", format!("{} is too long", words()));
            }
            "minimum" => {
                let least = argument.as_u64().unwrap_or(0);
                // All recorded minima are small.
                #[expect(clippy::cast_precision_loss, reason = "small")]
                if value.as_f64().is_some_and(|number| number < least as f64) {
                    fail("minimum", format!("{} is less than the minimum of {least}", words()));
                }
            }
            // The only pattern is the one of ids.
            "pattern" if value.as_str().is_some_and(|text| !is_uuid(text)) => {
                fail("pattern", format!("{} does not match {}", words(), repr(argument)));
            }
            "minItems" if value.as_array().is_some_and(Vec::is_empty) => {
                fail("minItems", format!("{} should be non-empty", words()));
            }
            "uniqueItems" if value.as_array().is_some_and(|items| has_repeated(items)) => {
                fail("uniqueItems", format!("{} has non-unique elements", words()));
            }
            "required" => {
                let Some(object) = value.as_object() else { continue };
                let names = argument.items().iter().filter_map(OrderedJson::as_str);
                for name in names.filter(|name| !object.contains_key(*name)) {
                    fail("required", format!("{} is a required property", repr_of_text(name)));
                }
            }
            "dependentRequired" => {
                let Some(object) = value.as_object() else { continue };
                for (name, others) in argument.entries() {
                    let others = others.items().iter().filter_map(OrderedJson::as_str);
                    for other in others.filter(|other| !object.contains_key(*other)) {
                        if object.contains_key(name) {
                            let (name, other) = (repr_of_text(name), repr_of_text(other));
                            let what = format!("{other} is a dependency of {name}");
                            fail("dependentRequired", what);
                        }
                    }
                }
            }
            "additionalProperties" if is_false(argument) => {
                let others: Vec<String> =
                    other_keys(schema, value).map(|(key, _)| repr_of_text(key)).collect();
                let were = if others.len() == 1 { "was" } else { "were" };
                if !others.is_empty() {
                    let what = format!(
                        "Additional properties are not allowed ({} {were} unexpected)",
                        others.join(", ")
                    );
                    fail("additionalProperties", what);
                }
            }
            "$ref" => {
                let path = argument.as_str().unwrap_or_default().trim_start_matches("#/");
                let target = path.split('/').try_fold(root, |at, key| at.get(key));
                if let Some(target) = target {
                    find(root, target, value, found);
                }
            }
            _ => descend(root, schema, (keyword, argument), value, found),
        }
    }
}

/// Collects the errors of the parts that a keyword has schemas for.
fn descend<'a>(
    root: &'a OrderedJson,
    schema: &'a OrderedJson,
    (keyword, argument): (&str, &'a OrderedJson),
    value: &'a Value,
    found: &mut Vec<Mismatch<'a>>,
) {
    let mut part =
        |schema: &'a OrderedJson, value: &'a Value, place: Option<Step>, instance: Option<Step>| {
            let start = found.len();
            find(root, schema, value, found);
            for mismatch in &mut found[start..] {
                mismatch.place.extend(place.clone());
                mismatch.place.push(Step::key(keyword));
                mismatch.instance.extend(instance.clone());
            }
        };
    match keyword {
        "properties" => {
            for (key, schema) in argument.entries() {
                if let Some(value) = value.get(key) {
                    part(schema, value, Some(Step::key(key)), Some(Step::key(key)));
                }
            }
        }
        "additionalProperties" => {
            for (key, value) in other_keys(schema, value) {
                part(argument, value, None, Some(Step::key(key)));
            }
        }
        "items" => {
            for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                part(argument, item, None, Some(Step::Index(at)));
            }
        }
        "allOf" => {
            for (at, schema) in argument.items().iter().enumerate() {
                part(schema, value, Some(Step::Index(at)), None);
            }
        }
        _ => {}
    }
}

/// The entries of an object that the schema does not name.
fn other_keys<'a>(
    schema: &'a OrderedJson,
    value: &'a Value,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let known = schema.get("properties").map_or(&[][..], OrderedJson::entries);
    let is_known = move |key: &String| known.iter().any(|(known, _)| known == key);
    value.as_object().into_iter().flatten().filter(move |(key, _)| !is_known(key))
}

fn has_repeated(items: &[Value]) -> bool {
    items.iter().enumerate().any(|(at, item)| items[..at].contains(item))
}

fn is_false(value: &OrderedJson) -> bool {
    matches!(value, OrderedJson::Scalar(Value::Bool(false)))
}

/// Whether a value has a type, or one of several.
fn is_of(kind: &OrderedJson, value: &Value) -> bool {
    if let OrderedJson::List(kinds) = kind {
        return kinds.iter().any(|kind| is_of(kind, value));
    }
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        _ => true,
    }
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::parse_str(text).is_ok()
}
