//! YAML as JSON: every plain text stays a text, so that a password `0123` is not a number.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Parses one document; `null` for an empty file.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut document = Value::Null;
    // The collections that are not closed yet, and the keys that wait for their values.
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            format!("{} at line {} column {}", error.info(), at.line(), at.col() + 1)
        })?;
        let value = match event {
            Event::Scalar(text, style, ..) => {
                let is_null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null");
                if is_null { Value::Null } else { Value::String(text.into_owned()) }
            }
            Event::SequenceStart(..) if open.len() < MAX_DEPTH => {
                open.push((Value::Array(Vec::new()), None));
                continue;
            }
            Event::MappingStart(..) if open.len() < MAX_DEPTH => {
                open.push((Value::Object(Map::new()), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some((value, _)) => value,
                None => continue,
            },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                return Err(format!("it is nested too deeply at line {}", span.start.line()));
            }
            Event::Alias(_) => {
                return Err(format!("aliases are not supported, at line {}", span.start.line()));
            }
            _ => continue,
        };
        match open.last_mut() {
            None => document = value,
            Some((Value::Array(items), _)) => items.push(value),
            Some((Value::Object(map), key)) => match (key.take(), value) {
                (Some(key), value) => {
                    map.insert(key, value);
                }
                (None, Value::String(text)) => *key = Some(text),
                (None, _) => {
                    return Err(format!("a key is not text at line {}", span.start.line()));
                }
            },
            Some(_) => {}
        }
    }
    Ok(document)
}

const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_and_json_are_parsed() {
        let yaml = "users:\n  - name: a\n    password: 0123\n    project:\n";
        let user = json!({"name": "a", "password": "0123", "project": null});
        assert_eq!(parse(yaml), Ok(json!({"users": [user]})));
        assert_eq!(parse(r#"{"users": [{"name": "a"}]}"#), Ok(json!({"users": [{"name": "a"}]})));
        assert_eq!(parse(""), Ok(Value::Null));
        for bad in ["a: [1", "a: &x 1\nb: *x", "? [a]\n: b", &"[".repeat(40)] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
