//! Data that is not a disk: web pages, JSON and other text, and less than a sector.
//!
//! qemu and the image service read all of it as a raw disk, so no verdict changes; the finding says what it
//! looks like.

use crate::finding::{Finding, FindingId};
use crate::inspect::Stream;
use crate::on_disk::SECTOR;

/// The finding for a stream without the signature of any format.
pub(crate) fn finding(stream: &Stream<'_>) -> Option<Finding> {
    let what = match text(stream) {
        Some(what) => format!("it looks like {what}, not a disk"),
        None => {
            let bytes = stream.length.filter(|bytes| (1..SECTOR).contains(bytes))?;
            let unit = if bytes == 1 { "byte" } else { "bytes" };
            format!("it has {bytes} {unit}, less than a sector of a disk")
        }
    };
    Some(Finding::fatal(FindingId::NotADisk, 0, what))
}

/// The kind of a text, if all bytes that are kept of the start are text.
fn text(stream: &Stream<'_>) -> Option<&'static str> {
    if stream.head.is_empty() || stream.has_cut_head() {
        return None;
    }
    let text = match str::from_utf8(stream.head) {
        Ok(text) => text,
        // The last character may continue after the head.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(stream.head.get(..error.valid_up_to())?).ok()?
        }
        // A page in an older encoding.
        Err(_) => return is_page(stream.head).then_some(PAGE),
    };
    let is_control = |c: char| c.is_control() && !"\t\n\r\u{c}\u{1b}".contains(c);
    // A disk can be filled with one byte.
    let is_filled = stream.head.iter().all(|byte| stream.head.first() == Some(byte));
    if is_filled || text.chars().any(is_control) {
        return None;
    }
    let trimmed = text.trim_start_matches('\u{feff}').trim_start();
    let is_pointer = |host: &str| {
        trimmed.strip_prefix("version https://").is_some_and(|at| at.starts_with(host))
    };
    Some(if is_page(trimmed.as_bytes()) {
        PAGE
    } else if is_pointer("git-lfs.github.com/spec/") || is_pointer("hawser.github.com/spec/") {
        "a Git LFS pointer"
    } else if trimmed.starts_with(['{', '[']) {
        "JSON"
    } else if trimmed.starts_with("<?xml") {
        "XML"
    } else {
        "text"
    })
}

const PAGE: &str = "an HTML page";

fn is_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

#[cfg(test)]
mod tests {
    use crate::{Detector, FindingId, Format, Inspection};

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    fn not_a_disk(inspection: &Inspection) -> Option<&str> {
        let is_so = |found: &&crate::Finding| found.id == FindingId::NotADisk;
        inspection.findings.iter().find(is_so).map(|found| &*found.text)
    }

    #[test]
    fn text_is_named_and_binary_data_is_not() {
        for (bytes, what) in [
            (&b"<!DOCTYPE html>\n<title>Log in</title>"[..], "an HTML page"),
            (b"\xef\xbb\xbf \n<HTML lang=en>", "an HTML page"),
            (b"<html><title>Z\xfcrich</title>", "an HTML page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a Git LFS pointer"),
            (b"{\"message\": \"not found\"}", "JSON"),
            (b"<?xml version='1.0'?><Error/>", "XML"),
            ("404: nicht gefunden, größer\n".as_bytes(), "text"),
        ] {
            let inspection = inspect(bytes);
            let text = not_a_disk(&inspection).unwrap_or_default();
            assert_eq!(text, format!("it looks like {what}, not a disk"));
            assert!(inspection.is_refused());
            assert_eq!((inspection.format, inspection.qemu.format), (Format::Raw, "raw"));
        }
        let mut sparse = b"a label, and then zeros".to_vec();
        sparse.resize(4096, 0);
        for bytes in [&sparse[..], &[0; 512], &[b'Z'; 4096], &[0xa5; 4096], b""] {
            assert_eq!(not_a_disk(&inspect(bytes)), None);
        }
        let short = inspect(&[0]);
        assert_eq!(not_a_disk(&short), Some("it has 1 byte, less than a sector of a disk"));
        assert!(not_a_disk(&inspect(&[0; 511])).is_some());
    }

    /// A longer text is judged by its start, and only when that was seen completely.
    #[test]
    fn the_start_of_a_stream_is_text_only_if_it_was_seen() {
        let text = "ü".repeat(crate::HEAD_BYTES);
        let mut detector = Detector::new();
        detector.push(&text.as_bytes()[..4096]);
        assert_eq!(not_a_disk(&detector.so_far(Some(1 << 30))), None);
        // The last character of the head is cut.
        let odd = format!("x{text}");
        detector = Detector::new();
        detector.push(odd.as_bytes());
        assert!(not_a_disk(&detector.so_far(Some(1 << 30))).is_some());
    }
}
