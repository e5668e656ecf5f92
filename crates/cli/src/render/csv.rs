//! Fields of CSV, as Python's module `csv` writes them for openstackclient.

use clap::ValueEnum;
use serde_json::Value;

use super::python;
use crate::text::for_terminal;

/// The fields that are quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Quote {
    /// All fields
    All,
    /// Fields with a comma, a quote or a line feed
    Minimal,
    /// No field; these characters are escaped with a backslash
    None,
    /// All fields except numbers and booleans
    #[default]
    #[value(name = "nonnumeric")]
    NonNumeric,
}

/// A field of a row.
pub(super) fn field(value: &Value, quote: Quote) -> String {
    let is_numeric = matches!(value, Value::Number(_) | Value::Bool(_));
    let text = match value {
        Value::Null => String::new(),
        Value::Number(_) | Value::Bool(_) => python::text(value),
        value => without_formula(&python::text(value)),
    };
    match quote {
        Quote::All => quoted(&text),
        Quote::NonNumeric if is_numeric => text,
        Quote::NonNumeric => quoted(&text),
        Quote::Minimal if text.contains(SPECIAL) => quoted(&text),
        Quote::Minimal => text,
        Quote::None => escaped(&text),
    }
}

/// The characters that need a quote or an escape.
const SPECIAL: [char; 4] = [',', '"', '\r', '\n'];

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if SPECIAL.contains(&character) || character == '\\' {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The text of a cell that no spreadsheet takes for a formula: an apostrophe stands before one that begins as
/// a formula does, as OWASP advises (CSV Injection). A number stays one.
fn without_formula(text: &str) -> String {
    let begins = |c: char| {
        matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
    };
    let is_number =
        || text.parse::<f64>().is_ok() && text.ends_with(|last: char| last.is_ascii_digit());
    let guard = if text.starts_with(begins) && !is_number() { "'" } else { "" };
    format!("{guard}{}", for_terminal(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nonnumeric(value: &Value) -> String {
        field(value, Quote::NonNumeric)
    }

    #[test]
    fn a_cell_is_no_formula() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("\r=1", "'\\r=1"),
            ("＝1", "'＝1"),
            ("-12", "-12"),
            ("+1.5", "+1.5"),
            ("-inf", "'-inf"),
            ("a=1", "a=1"),
            ("noble", "noble"),
        ] {
            assert_eq!(nonnumeric(&json!(text)), format!("\"{cell}\""), "{text:?}");
        }
        assert_eq!(nonnumeric(&json!(-12)), "-12");
    }

    /// The expected fields are those of Python's `csv.writer` with `escapechar='\\\\'`.
    #[test]
    fn fields_are_quoted_as_by_python() {
        for (value, all, minimal, none) in [
            (json!(5), "\"5\"", "5", "5"),
            (json!(true), "\"True\"", "True", "True"),
            (json!(null), "\"\"", "", ""),
            (json!("plain"), "\"plain\"", "plain", "plain"),
            (json!("a,b"), "\"a,b\"", "\"a,b\"", "a\\,b"),
            (json!("a\"b"), "\"a\"\"b\"", "\"a\"\"b\"", "a\\\"b"),
        ] {
            let fields = [Quote::All, Quote::Minimal, Quote::None].map(|mode| field(&value, mode));
            assert_eq!(fields, [all, minimal, none]);
        }
    }
}
