//! Text from elsewhere, made safe for a terminal, a table or a file name.

/// Whether the character can steer a terminal or turn the direction of the text around it: control
/// characters (C0, DEL, C1), the marks, embeddings, overrides and isolates of the bidirectional algorithm
/// (Unicode Standard Annex 9), and the separators of lines and paragraphs.
pub(crate) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with all such characters escaped: names of files and answers of servers must not steer the
/// terminal, and must read as they are.
pub(crate) fn for_terminal(text: &str) -> String {
    escaped(text, is_control, |c| c.escape_default().to_string())
}

/// The escape of JSON for a character.
pub(crate) fn json_escape(character: char) -> String {
    let mut units = [0; 2];
    character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// The text with an escape in place of each character that `is_special` selects.
pub(crate) fn escaped(
    text: &str,
    is_special: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match is_special(character) {
            true => plain.push_str(&escape(character)),
            false => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_turns_text_around_is_escaped() {
        let steering = ('\0'..='\u{1f}')
            .chain('\u{7f}'..='\u{9f}')
            .chain('\u{200e}'..='\u{200f}')
            .chain('\u{2028}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}')
            .chain(['\u{61c}']);
        for character in steering {
            assert!(is_control(character), "{character:?}");
            let plain = for_terminal(&format!("a{character}b"));
            assert!(plain.is_ascii() && plain.len() > 3, "{plain}");
        }
        for plain in ["größe", "漢字", "عربي", "עברית", "🚀", "a b"] {
            assert_eq!(for_terminal(plain), plain);
        }
        assert_eq!(for_terminal("\u{202e}gpj.exe\u{1b}[0m"), "\\u{202e}gpj.exe\\u{1b}[0m");
    }
}
