//! Version 2: two copies of a header with JSON text. qemu detects it as raw, the image service refuses it.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Seen, Stream};
use crate::on_disk::{be64, c_string};

/// Bytes of the binary header; the JSON follows it.
const BINARY_BYTES: usize = 4096;
/// The start of the second copy.
const SECOND_MAGIC: &[u8] = b"SKUL\xba\xbe";
/// Allowed sizes of a header.
const HEADER_BYTES: std::ops::RangeInclusive<u64> = 16 << 10..=4 << 20;

pub(super) fn inspect(stream: &Stream<'_>) -> Seen {
    let text = "the image service refuses LUKS version 2, and qemu treats it as raw";
    let finding = Finding::fatal(FindingId::ServiceUnsupported, 6, text);
    let mut seen = Seen::unprobed(0, 8).with(finding);
    let Some(size) = be64(stream.head, 8) else {
        return seen.cut_off(stream);
    };
    let field = |at: usize, length: usize| stream.head.get(at..at + length).unwrap_or_default();
    seen.details.field("label", field(24, 48));
    seen.details.field("uuid", field(168, 40));
    seen.details.bytes("header size", size);
    seen.details.field("checksum", field(72, 32));
    let is_sound = size.is_power_of_two() && HEADER_BYTES.contains(&size);
    let text = format!("a header of {size} bytes is not valid");
    seen.warn(!is_sound, FindingId::CorruptHeader, 8, text);
    if !is_sound {
        return seen;
    }
    let text = "its second header is after the end of the file";
    seen.warn(stream.lacks(size.checked_mul(2)), FindingId::Truncated, 8, text);
    let second = stream.at(size, SECOND_MAGIC.len());
    let text = "its second header is not at the expected offset";
    let is_lost = second.is_some_and(|second| second != SECOND_MAGIC);
    seen.warn(is_lost, FindingId::CorruptHeader, size, text);
    let json = stream.from(BINARY_BYTES as u64, usize::try_from(size).unwrap_or(usize::MAX));
    let json = c_string(json);
    if let Some(cipher) = segment_value(json, b"\"encryption\"") {
        seen.details.field("cipher", cipher);
    }
    match payload_offset(json) {
        Some(offset) => {
            seen.details.bytes("payload offset", offset);
            let text = "its payload is after the end of the file";
            let at = BINARY_BYTES as u64;
            seen.warn(stream.lacks(Some(offset)), FindingId::Truncated, at, text);
        }
        None => {
            let text = "the offset of its payload was not found";
            let finding = Finding::info(FindingId::NotChecked, BINARY_BYTES as u64, text);
            seen.findings.push(finding);
        }
    }
    seen
}

/// `offset` of the first segment: a decimal number in a string.
fn payload_offset(json: &[u8]) -> Option<u64> {
    std::str::from_utf8(segment_value(json, b"\"offset\"")?).ok()?.parse().ok()
}

/// The string value of a key of the first segment.
fn segment_value<'a>(json: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let after = |text: &'a [u8], key: &[u8]| {
        let at = text.windows(key.len()).position(|window| window == key)?;
        text.get(at + key.len()..)
    };
    let value = after(after(json, b"\"segments\"")?, key)?.trim_ascii_start();
    let value = value.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    value.split(|&byte| byte == b'"').next()
}

#[cfg(test)]
mod tests {
    use super::payload_offset;

    #[test]
    fn the_payload_starts_at_the_first_segment() {
        let json = br#"{"keyslots":{"0":{"area":{"offset":"32768"}}},"segments":{"0":{"type":"crypt","offset":"16777216"}}}"#;
        assert_eq!(payload_offset(json), Some(16_777_216));
        for broken in [&b""[..], b"\"segments\"", b"\"segments\" \"offset\":7", b"\"offset\":\"1\""]
        {
            assert_eq!(payload_offset(broken), None);
        }
    }
}
