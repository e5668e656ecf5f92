//! Details of an image for a reader: its creator, its layout, the files that it names.
//!
//! No verdict depends on them. Text from an image is escaped and truncated here, so that a detail is small
//! for any image.

use crate::on_disk::{bytes, c_string, first};

/// Maximum length of a text in bytes: qemu's limit for the name of a backing file.
const MAX_TEXT_BYTES: usize = 1023;

/// One detail of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detail {
    /// The name, in lower case: `cluster size`.
    pub name: &'static str,
    /// The value.
    pub value: DetailValue,
}

/// The value of a detail. Details of one name have values of one variant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetailValue {
    /// A number of bytes.
    Bytes(u64),
    /// Any other number.
    Number(u64),
    /// Text; text from the image is escaped.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

/// The details that a format collects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details(Vec<Detail>);

impl Details {
    pub(crate) fn into_inner(self) -> Vec<Detail> {
        self.0
    }

    pub(crate) fn bytes(&mut self, name: &'static str, count: impl Into<u64>) {
        self.add(name, DetailValue::Bytes(count.into()));
    }

    pub(crate) fn number(&mut self, name: &'static str, number: impl Into<u64>) {
        self.add(name, DetailValue::Number(number.into()));
    }

    /// Adds text of this crate, or text made by the functions below, unless it is empty.
    pub(crate) fn text(&mut self, name: &'static str, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.add(name, DetailValue::Text(text));
        }
    }

    /// Adds text from a field of the image, up to its NUL and without surrounding blanks.
    pub(crate) fn field(&mut self, name: &'static str, field: &[u8]) {
        let field = c_string(first(field, MAX_TEXT_BYTES));
        self.text(name, plain(&String::from_utf8_lossy(field)));
    }

    /// The same in UTF-16.
    pub(crate) fn wide_field(&mut self, name: &'static str, units: impl Iterator<Item = u16>) {
        self.text(name, wide(units));
    }

    pub(crate) fn list(&mut self, name: &'static str, items: Vec<String>) {
        if !items.is_empty() {
            self.add(name, DetailValue::List(items));
        }
    }

    /// Adds a UUID in its usual notation; nothing if it is missing or zero.
    pub(crate) fn uuid(&mut self, name: &'static str, field: Option<&[u8]>) {
        if let Some(uuid) = field.and_then(|field| bytes::<16>(field, 0)).filter(|u| *u != [0; 16])
        {
            self.text(name, uuid_text(&uuid));
        }
    }

    /// Adds a GUID in the byte order of Microsoft.
    pub(crate) fn guid(&mut self, name: &'static str, field: Option<&[u8]>) {
        let guid = field.and_then(|field| bytes::<16>(field, 0));
        self.uuid(name, guid.map(swapped).as_ref().map(|guid| &guid[..]));
    }

    fn add(&mut self, name: &'static str, value: DetailValue) {
        self.0.push(Detail { name, value });
    }
}

/// Text in UTF-16, up to its NUL, escaped and truncated.
pub(crate) fn wide(units: impl Iterator<Item = u16>) -> String {
    let units = units.take_while(|unit| *unit != 0).take(MAX_TEXT_BYTES / 2);
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    plain(&text)
}

/// Removes surrounding blanks and escapes unprintable characters; quotes and backslashes stay, since paths
/// contain them.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '"' | '\'' | '\\' => plain.push(character),
            other => plain.extend(other.escape_debug()),
        }
    }
    plain
}

pub(crate) fn uuid_text(uuid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (n, byte) in uuid.iter().enumerate() {
        let dash = if matches!(n, 4 | 6 | 8 | 10) { "-" } else { "" };
        text += &format!("{dash}{byte:02x}");
    }
    text
}

/// Converts from and to Microsoft's byte order, in which the first three numbers are little-endian.
pub(crate) fn swapped(mut guid: [u8; 16]) -> [u8; 16] {
    guid[..4].reverse();
    guid[4..6].reverse();
    guid[6..8].reverse();
    guid
}

/// Formats bytes in the largest unit in which they are at least one, for a line of a list.
pub(crate) fn short_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = bytes.max(1).ilog2() / 10;
    // The largest 64-bit number is within the last unit.
    let name = UNITS.get(unit as usize).unwrap_or(&"");
    match bytes % (1 << (10 * unit)) {
        0 => format!("{} {name}", bytes >> (10 * unit)),
        _ => {
            let tenths = (u128::from(bytes) * 10) >> (10 * unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_identifiers_have_their_usual_notation() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (512, "512 bytes"),
            (1 << 20, "1 MiB"),
            (1536, "1.5 KiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(short_size(bytes), text);
        }
        let stored = *b"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\0\xa0\xc9\x3e\xc9\x3b";
        assert_eq!(uuid_text(&swapped(stored)), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    }

    #[test]
    fn text_of_an_image_is_escaped_and_cut() {
        let hostile = "a\u{1b}[2J\u{202e}b".encode_utf16();
        assert_eq!(wide(hostile), "a\\u{1b}[2J\\u{202e}b");
        assert!(wide(std::iter::repeat(27)).len() < 4000);
        let mut details = Details::default();
        details.field("label", b"  \x1b]0;\"x\"\x07\xc3\xa9\xff \0rest");
        details.field("empty", b"   ");
        let [only] = &details.into_inner()[..] else { panic!("an empty field is no detail") };
        assert_eq!(only.value, DetailValue::Text("\\u{1b}]0;\"x\"\\u{7}é\u{fffd}".to_owned()));
    }
}
