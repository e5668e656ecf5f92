//! The image service's VMDK inspector and its checks `descriptor` and `footer`.

use super::safety::{FailedCheck, NOT_SEEN, OsloMatch, Safety, TOO_SHORT, captured};
use crate::inspect::Stream;
use crate::on_disk::{SECTOR, c_string, first, last, le32, le64};
use crate::vmdk::sparse::{FOOTER_BYTES, GD_AT_END, MAGIC, MAX_DESCRIPTOR_BYTES, SparseHeader};

/// The offset at which the service expects the descriptor, in sectors.
const DESCRIPTOR_SECTOR: u64 = 1;
/// With fewer bytes the service detects no header.
const MIN_HEADER_BYTES: usize = 64;
/// A longer `createType` counts as missing.
const MAX_TYPE_BYTES: usize = 64;

/// The result of the inspector for a stream.
pub(super) enum VmdkMatch {
    /// Another format.
    No,
    Matched(OsloMatch),
    /// The inspector itself fails, or its result depends on how the stream is split.
    Uncertain(&'static str),
}

pub(super) fn inspect(stream: &Stream<'_>) -> VmdkMatch {
    let head = stream.head;
    if head.starts_with(MAGIC) {
        return VmdkMatch::Matched(sparse(stream));
    }
    let start = first(head, 512);
    // Whitespace as in Python.
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | 9..=13 | 28..=31);
    if start.len() < MIN_HEADER_BYTES || !start.iter().all(is_text) {
        return VmdkMatch::No;
    }
    match complete_text(stream) {
        Text::InHead(text) if !text.is_ascii() => {
            VmdkMatch::Uncertain("the service's inspector fails on text with non-ASCII characters")
        }
        Text::InHead(text) => {
            let Some(create_type) = create_type(text) else { return VmdkMatch::No };
            let failures = check(text, Some(create_type)).err();
            let safety = failures.map_or(Safety::Passed, |failure| Safety::Failed(vec![failure]));
            // There is no header with a size: when asked for the size, the inspector fails.
            let virtual_size = (!is_supported(create_type)).then_some(0);
            VmdkMatch::Matched(OsloMatch { name: "vmdk", virtual_size, safety })
        }
        Text::Long { is_plain: true } => VmdkMatch::No,
        Text::Long { is_plain: false } => {
            VmdkMatch::Uncertain("for a long text the result depends on how the service reads it")
        }
    }
}

/// A text up to its first NUL.
enum Text<'a> {
    InHead(&'a [u8]),
    /// Text without a NUL. It is plain if no reader finds a descriptor in it, however much it reads at once.
    Long {
        is_plain: bool,
    },
}

fn complete_text<'a>(stream: &Stream<'a>) -> Text<'a> {
    let head = stream.head;
    if head.contains(&0) {
        return Text::InHead(c_string(head));
    }
    let start = head.len() as u64;
    if stream.length == Some(start) {
        return Text::InHead(head);
    }
    let most = MAX_DESCRIPTOR_BYTES.saturating_sub(start);
    let rest = stream.from(start, usize::try_from(most).unwrap_or(usize::MAX));
    let seen = rest.len() as u64;
    let has_end = rest.contains(&0) || seen == most;
    let is_complete = has_end || stream.length == Some(start + seen);
    let rest = c_string(rest);
    let seam = [last(head, KEY.len()), first(rest, KEY.len())].concat();
    let is_plain = |text: &[u8]| text.is_ascii() && key(text).is_none();
    Text::Long { is_plain: is_complete && is_plain(head) && is_plain(rest) && is_plain(&seam) }
}

fn sparse(stream: &Stream<'_>) -> OsloMatch {
    let matched = |virtual_size, safety| OsloMatch { name: "vmdk", virtual_size, safety };
    let Some(header) = SparseHeader::read(stream.head) else {
        let is_unknown = stream.has_cut_head();
        return matched(None, if is_unknown { NOT_SEEN } else { TOO_SHORT });
    };
    let none = || FailedCheck::new("descriptor", "No descriptor found");
    if !(1..=3).contains(&header.version) || header.descriptor_offset != DESCRIPTOR_SECTOR {
        return matched(Some(0), Safety::Failed(vec![none()]));
    }
    let Some((offset, length)) = header.descriptor_region() else {
        return matched(Some(0), Safety::Failed(vec![none()]));
    };
    let text = match captured(stream, offset, length) {
        Ok(text) => text,
        Err(safety) => return matched(Some(0), safety),
    };
    let mut failures = Vec::new();
    let mut size = 0;
    let text = c_string(text);
    if text.is_empty() || !text.is_ascii() {
        failures.push(none());
    } else {
        let create_type = create_type(text);
        if create_type.is_some_and(is_supported) {
            size = i128::from(header.capacity) * i128::from(SECTOR);
        }
        failures.extend(check(text, create_type).err());
    }
    if header.gd_offset == GD_AT_END {
        match (stream.tail, stream.length) {
            (_, Some(length)) if length < FOOTER_BYTES as u64 => {
                return matched(Some(size), TOO_SHORT);
            }
            (Some(tail), _) if let Some(footer) = tail.last_chunk() => {
                failures.extend(check_footer(&header, footer).err());
            }
            _ => return matched(Some(size), Safety::Unknown("the footer was not read")),
        }
    }
    let safety = if failures.is_empty() { Safety::Passed } else { Safety::Failed(failures) };
    matched(Some(size), safety)
}

/// The key of the type, in any case.
const KEY: &[u8] = b"createtype=\"";

fn key(text: &[u8]) -> Option<usize> {
    text.windows(KEY.len()).position(|window| window.eq_ignore_ascii_case(KEY))
}

fn create_type(text: &[u8]) -> Option<&[u8]> {
    let rest = text.get(key(text)? + KEY.len()..)?;
    if !rest.contains(&b'"') {
        // Without the closing quote, all but the last character counts.
        return Some(rest.split_last().map_or(rest, |(_, others)| others));
    }
    let value = rest.split(|&byte| byte == b'"').next()?;
    (value.len() < MAX_TYPE_BYTES).then_some(value)
}

fn is_supported(create_type: &[u8]) -> bool {
    let taken: [&[u8]; 2] = [b"monolithicsparse", b"streamoptimized"];
    taken.iter().any(|taken| create_type.eq_ignore_ascii_case(taken))
}

/// The check `descriptor`: every line has to be known.
fn check(text: &[u8], create_type: Option<&[u8]>) -> Result<(), FailedCheck> {
    let failed = |reason| Err(FailedCheck::new("descriptor", reason));
    if !create_type.is_some_and(is_supported) {
        return failed("Unsupported subformat");
    }
    let is_database =
        |line: &[u8]| line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"ddb"));
    let mut extents = 0;
    let mut leaves = false;
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        let word = |end: u8| line.split(|&byte| byte == end).next().unwrap_or_default();
        if line.is_empty() || line.starts_with(b"#") || is_database(line) {
            continue;
        }
        if line.contains(&b'=') && !word(b'=').contains(&b' ') {
            continue;
        }
        let access: [&[u8]; 3] = [b"rw", b"rdonly", b"noaccess"];
        if !access.iter().any(|access| word(b' ').eq_ignore_ascii_case(access)) {
            return failed("Invalid VMDK descriptor data");
        }
        extents += 1;
        leaves |= line.contains(&b'/');
    }
    if leaves {
        failed("Invalid extent filenames found")
    } else if extents == 0 {
        failed("No extents found")
    } else {
        Ok(())
    }
}

/// The check `footer`, on the last three sectors.
fn check_footer(header: &SparseHeader, sectors: &[u8; FOOTER_BYTES]) -> Result<(), FailedCheck> {
    let failed = |reason| Err(FailedCheck::new("footer", reason));
    let footer = sectors.get(512..).unwrap_or_default();
    let Some(copy) = SparseHeader::read(footer) else {
        return failed("Unexpected error");
    };
    if !footer.starts_with(MAGIC) {
        return failed("Header and footer signature do not match");
    }
    if copy.version != header.version {
        return failed("Header and footer versions do not match");
    }
    let place = |header: &SparseHeader| (header.descriptor_offset, header.descriptor_size);
    if place(&copy) != place(header) {
        return failed("Footer specifies a different descriptor than header");
    }
    if copy.gd_offset == GD_AT_END {
        return failed("Footer indicates another footer");
    }
    let marker = |at: usize| {
        let padding = sectors.get(at + 16..at + 512).unwrap_or_default();
        let is_padded = padding.iter().all(|&byte| byte == 0);
        (le32(sectors, at + 8), le32(sectors, at + 12), is_padded)
    };
    if marker(0) != (Some(0), Some(3), true) {
        return failed("Footer marker is invalid");
    }
    if marker(1024) != (Some(0), Some(0), true) || le64(sectors, 1024) != Some(0) {
        return failed("End-of-stream marker is invalid");
    }
    Ok(())
}
