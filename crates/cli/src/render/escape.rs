//! Escapes in strings of JSON and YAML.

use serde_json::Value;

/// The text in double quotes, with all special characters escaped: a string of JSON and of YAML.
pub(super) fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    // JSON allows these unescaped; YAML does not, and a terminal interprets some.
    let is_special = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if !quoted.contains(is_special) {
        return quoted;
    }
    let mut plain = String::with_capacity(quoted.len());
    for character in quoted.chars() {
        match is_special(character) {
            true => plain.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_letters_are_not() {
        assert_eq!(escaped("a\u{7f}\u{9b}\n\u{2028}ü"), "\"a\\u007f\\u009b\\n\\u2028ü\"");
    }
}
