//! Escapes in strings of JSON and YAML.

use serde_json::Value;

use crate::text::{self, is_control};

/// The text in double quotes, with all special characters escaped: a string of JSON and of YAML.
pub(super) fn escaped(text: &str) -> String {
    // JSON allows these unescaped; YAML does not, and a terminal interprets some.
    let is_special = |c: char| is_control(c) || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    text::escaped(&Value::from(text).to_string(), is_special, text::json_escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_letters_are_not() {
        assert_eq!(
            escaped("a\u{7f}\u{9b}\n\u{2028}\u{202e}ü"),
            "\"a\\u007f\\u009b\\n\\u2028\\u202eü\""
        );
    }
}
