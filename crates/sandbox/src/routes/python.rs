//! Values in Python's notation, which Glance's messages contain.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A JSON value whose keys keep their order, as in Python.
#[derive(Clone, Debug)]
pub(super) enum OrderedJson {
    /// Everything but lists and objects.
    Scalar(Value),
    List(Vec<OrderedJson>),
    Object(Vec<(String, OrderedJson)>),
}

impl OrderedJson {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&OrderedJson> {
        let OrderedJson::Object(entries) = self else { return None };
        entries.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub(super) fn items(&self) -> &[OrderedJson] {
        if let OrderedJson::List(items) = self { items } else { &[] }
    }

    pub(super) fn entries(&self) -> &[(String, OrderedJson)] {
        if let OrderedJson::Object(entries) = self { entries } else { &[] }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        if let OrderedJson::Scalar(value) = self { value.as_str() } else { None }
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        if let OrderedJson::Scalar(value) = self { value.as_u64() } else { None }
    }

    /// Whether both are the same value, in any order of the keys.
    pub(super) fn is(&self, value: &Value) -> bool {
        match self {
            OrderedJson::Scalar(scalar) => scalar == value,
            OrderedJson::List(items) => value.as_array().is_some_and(|others| {
                items.len() == others.len() && items.iter().zip(others).all(|(a, b)| a.is(b))
            }),
            OrderedJson::Object(entries) => value.as_object().is_some_and(|others| {
                entries.len() == others.len()
                    && entries.iter().all(|(key, a)| others.get(key).is_some_and(|b| a.is(b)))
            }),
        }
    }
}

impl From<&Value> for OrderedJson {
    fn from(value: &Value) -> OrderedJson {
        match value {
            Value::Array(items) => OrderedJson::List(items.iter().map(OrderedJson::from).collect()),
            Value::Object(entries) => OrderedJson::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), OrderedJson::from(value)))
                    .collect(),
            ),
            scalar => OrderedJson::Scalar(scalar.clone()),
        }
    }
}

impl<'de> Deserialize<'de> for OrderedJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OrderedJson, D::Error> {
        deserializer.deserialize_any(OrderedVisitor)
    }
}

struct OrderedVisitor;

impl<'de> Visitor<'de> for OrderedVisitor {
    type Value = OrderedJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<OrderedJson, E> {
        Ok(OrderedJson::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<OrderedJson, E> {
        Ok(OrderedJson::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<OrderedJson, E> {
        Ok(OrderedJson::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<OrderedJson, E> {
        Ok(OrderedJson::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<OrderedJson, E> {
        Ok(OrderedJson::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<OrderedJson, E> {
        Ok(OrderedJson::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OrderedJson, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(OrderedJson::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<OrderedJson, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = object.next_entry()? {
            entries.push(entry);
        }
        Ok(OrderedJson::Object(entries))
    }
}

/// The result of `repr`.
pub(super) fn python(value: &Value) -> String {
    repr(&OrderedJson::from(value))
}

/// The result of `repr`.
pub(super) fn repr(value: &OrderedJson) -> String {
    match value {
        OrderedJson::Scalar(Value::Null) => "None".to_owned(),
        OrderedJson::Scalar(Value::Bool(true)) => "True".to_owned(),
        OrderedJson::Scalar(Value::Bool(false)) => "False".to_owned(),
        OrderedJson::Scalar(Value::String(text)) => repr_of_text(text),
        OrderedJson::Scalar(other) => other.to_string(),
        OrderedJson::List(items) => {
            let items: Vec<String> = items.iter().map(repr).collect();
            format!("[{}]", items.join(", "))
        }
        OrderedJson::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", repr_of_text(key), repr(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

pub(super) fn repr_of_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            it if it == quote => shown.extend(['\\', it]),
            it if it.is_control() => shown.push_str(&format!("\\x{:02x}", u32::from(it))),
            it => shown.push(it),
        }
    }
    shown.push(quote);
    shown
}

/// The width that `jsonschema` passes to `pformat`.
const WIDTH: usize = 72;

/// The result of `pprint.pformat(value, width=72, sort_dicts=False)`. The names of the parameters below are those
/// of Python's module.
pub(super) fn pformat(value: &OrderedJson) -> String {
    let mut shown = String::new();
    write(value, &mut shown, 0, 0, 0);
    shown
}

fn write(value: &OrderedJson, shown: &mut String, indent: usize, allowance: usize, level: usize) {
    let line = repr(value);
    if line.chars().count() <= WIDTH.saturating_sub(indent + allowance) {
        shown.push_str(&line);
        return;
    }
    let next_line = format!(",\n{}", " ".repeat(indent + 1));
    match value {
        OrderedJson::Object(entries) => {
            shown.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    shown.push_str(&next_line);
                }
                let key = repr_of_text(key);
                shown.push_str(&key);
                shown.push_str(": ");
                let allowance = if at + 1 == entries.len() { allowance + 1 } else { 1 };
                let indent = indent + 1 + key.chars().count() + 2;
                write(value, shown, indent, allowance, level + 1);
            }
            shown.push('}');
        }
        OrderedJson::List(items) => {
            shown.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    shown.push_str(&next_line);
                }
                let allowance = if at + 1 == items.len() { allowance + 1 } else { 1 };
                write(item, shown, indent + 1, allowance, level + 1);
            }
            shown.push(']');
        }
        OrderedJson::Scalar(Value::String(text)) => {
            write_text(text, shown, indent, allowance, level + 1);
        }
        OrderedJson::Scalar(_) => shown.push_str(&line),
    }
}

/// A text that is wrapped between words.
fn write_text(text: &str, shown: &mut String, indent: usize, allowance: usize, level: usize) {
    let is_outermost = level == 1;
    let (indent, allowance) =
        if is_outermost { (indent + 1, allowance + 1) } else { (indent, allowance) };
    let width = WIDTH.saturating_sub(indent);
    let mut chunks = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (at, line) in lines.iter().enumerate() {
        let is_last_line = at + 1 == lines.len();
        let room = |is_last: bool| if is_last { width.saturating_sub(allowance) } else { width };
        let length = |text: &str| repr_of_text(text).chars().count();
        if length(line) <= room(is_last_line) {
            chunks.push(repr_of_text(line));
            continue;
        }
        let words = words(line);
        let mut current = String::new();
        for (at, word) in words.iter().enumerate() {
            let candidate = format!("{current}{word}");
            if length(&candidate) > room(is_last_line && at + 1 == words.len()) {
                if !current.is_empty() {
                    chunks.push(repr_of_text(&current));
                }
                current = (*word).to_owned();
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            chunks.push(repr_of_text(&current));
        }
    }
    if let [one] = &chunks[..] {
        shown.push_str(one);
        return;
    }
    if is_outermost {
        shown.push('(');
    }
    shown.push_str(&chunks.join(&format!("\n{}", " ".repeat(indent))));
    if is_outermost {
        shown.push(')');
    }
}

/// The words of a line, each with the spaces after it.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut is_after_space = false;
    for (at, character) in line.char_indices() {
        if is_after_space && !character.is_whitespace() {
            words.push(&line[start..at]);
            start = at;
        }
        is_after_space = character.is_whitespace();
    }
    words.push(&line[start..]);
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_quoted_like_in_python() {
        let shown =
            [json!("a'b"), json!("a'b\"c"), json!("a\n\\\u{1b}é"), json!([null, true, 1.5])];
        let shown: Vec<String> = shown.iter().map(python).collect();
        assert_eq!(shown, ["\"a'b\"", "'a\\'b\"c'", "'a\\n\\\\\\x1bé'", "[None, True, 1.5]"]);
    }

    #[test]
    fn long_values_are_wrapped_like_in_python() {
        let text = r#"{"type": "boolean",
            "description": "If true, image will not appear in default image list response."}"#;
        let value: OrderedJson = serde_json::from_str(text).unwrap();
        assert_eq!(
            pformat(&value),
            "{'type': 'boolean',\n 'description': 'If true, image will not appear in default image list '\n                \
             'response.'}"
        );
        let words = "word ".repeat(30);
        let expected = [13, 13, 4].map(|count| "word ".repeat(count));
        assert_eq!(
            pformat(&OrderedJson::from(&json!(words))),
            format!("('{}'\n '{}'\n '{}')", expected[0], expected[1], expected[2])
        );
        let one_word = "x".repeat(100);
        assert_eq!(pformat(&OrderedJson::from(&json!([one_word]))), format!("['{one_word}']"));
    }
}
