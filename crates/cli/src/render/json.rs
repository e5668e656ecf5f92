//! JSON with the keys in the order of the columns.

use serde_json::Value;

use super::escape::escaped;

/// One object; its first line is not indented, so that it can follow something.
pub(super) fn object(fields: &[(String, Value)], one_line: bool, indent: usize) -> String {
    if fields.is_empty() {
        return "{}".to_owned();
    }
    let (open, between, close) = match one_line {
        true => ("{".to_owned(), ", ".to_owned(), "}".to_owned()),
        false => (
            format!("{{\n{:1$}", "", indent + 2),
            format!(",\n{:1$}", "", indent + 2),
            format!("\n{:indent$}}}", ""),
        ),
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(key, value)| {
            format!("{}: {}", escaped(key), self::value(value, one_line, indent + 2))
        })
        .collect();
    format!("{open}{}{close}", pairs.join(&between))
}

fn value(value: &Value, one_line: bool, indent: usize) -> String {
    match value {
        Value::String(text) => escaped(text),
        Value::Object(map) => {
            let fields: Vec<(String, Value)> =
                map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            object(&fields, one_line, indent)
        }
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> =
                items.iter().map(|item| self::value(item, one_line, indent + 2)).collect();
            match one_line {
                true => format!("[{}]", items.join(", ")),
                false => {
                    let inner = format!("\n{:1$}", "", indent + 2);
                    let between = format!(",{inner}");
                    format!("[{inner}{}\n{:indent$}]", items.join(&between), "")
                }
            }
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_the_json_of_serde_in_the_order_given() {
        let fields = vec![
            ("b".to_owned(), json!({"x": [1, {"y": null}], "z": {}, "e": []})),
            ("a\u{9b}".to_owned(), json!("\u{1b}[0m ü \u{7f}")),
        ];
        for one_line in [true, false] {
            let text = object(&fields, one_line, 0);
            assert_eq!(text.contains('\n'), !one_line);
            assert!(text.find("\"b\"") < text.find("\"a"), "{text}");
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read, fields.iter().cloned().collect::<Value>());
        }
        let first = vec![("a".to_owned(), json!([1]))];
        assert_eq!(object(&first, false, 0), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
