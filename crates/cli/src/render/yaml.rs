//! YAML that readers of 1.1 and of 1.2 take for the same values.
//!
//! Text is plain where no reader could take it for anything else, and a JSON string in all other
//! cases, which is YAML too. Libraries quote by one of both versions: a time, `yes` or `1_000` then
//! changes its type at readers of the other.

use serde_json::Value;

use super::escape::escaped;

/// The lines of a mapping; the first is not indented, so that it can follow something.
pub(super) fn object(fields: &[(String, Value)], indent: usize) -> String {
    if fields.is_empty() {
        return "{}\n".to_owned();
    }
    let pairs: Vec<String> = fields.iter().map(|(key, value)| pair(key, value, indent)).collect();
    pairs.join(&" ".repeat(indent))
}

fn pair(key: &str, value: &Value, indent: usize) -> String {
    let key = text(key);
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items: String = items.iter().map(|value| item(value, indent)).collect();
            format!("{key}:\n{items}")
        }
        Value::Object(map) if !map.is_empty() => {
            format!("{key}:\n{:1$}{2}", "", indent + 2, mapping(map, indent + 2))
        }
        plain => format!("{key}: {}\n", scalar(plain)),
    }
}

fn item(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => {
            format!("{:indent$}- {}", "", mapping(map, indent + 2))
        }
        // Lists in lists are rare and short.
        plain => format!("{:indent$}- {}\n", "", scalar(plain)),
    }
}

fn mapping(map: &serde_json::Map<String, Value>, indent: usize) -> String {
    let fields: Vec<(String, Value)> =
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    object(&fields, indent)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => self::text(text),
        plain => plain.to_string(),
    }
}

fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { escaped(text) }
}

fn is_plain(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let first = text.chars().next();
    let meaning =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];
    // Numbers and times begin with a digit, a sign or a point.
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(is_word)
        && !meaning.contains(&&*text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_could_be_something_else_is_in_quotes() {
        for plain in ["noble", "os_hash_value", "/v2/schemas/image", "a1-b2", "e5"] {
            assert_eq!(text(plain), plain);
        }
        for other in [
            "",
            "yes",
            "No",
            "null",
            "~",
            "12",
            "1e3",
            "0x1f",
            "1_000",
            "2026-11-24T15:22:56Z",
            "a: b",
            "- a",
            "a #b",
            "7d71e8dd",
            ".inf",
            "x y",
            "ümlaut",
            "a\nb",
            "=",
            "!t",
            "NaN",
        ] {
            assert!(text(other).starts_with('"'), "{other}");
        }
    }

    #[test]
    fn blocks_are_indented_by_two() {
        let fields = vec![
            ("tags".to_owned(), json!(["a", "b c"])),
            ("none".to_owned(), json!([])),
            ("properties".to_owned(), json!({"os_hidden": false, "deep": {"x": [{"y": 1}]}})),
        ];
        assert_eq!(
            object(&fields, 0),
            "tags:\n- a\n- \"b c\"\nnone: []\nproperties:\n  deep:\n    x:\n    - \"y\": 1\n  \
             os_hidden: false\n"
        );
    }
}
