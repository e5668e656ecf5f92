//! The safety of a sparse VMDK.

use super::number::{ByteOrder, number};
use super::sample::{Sample, TAIL_BYTES};

/// The offset of the grain directory if the header is repeated in a footer.
const AT_END: u64 = u64::MAX;
const SECTOR: usize = 512;
/// Types of markers, each a sector long.
const END_OF_STREAM: u64 = 0;
const FOOTER: u64 = 3;

pub(super) fn is_safe(sample: &Sample) -> bool {
    let head = sample.head();
    is_safe_descriptor(head) && (directory(head) != AT_END || is_safe_footer(head, sample.tail()))
}

fn directory(header: &[u8]) -> u64 {
    number(header, 56, 8, ByteOrder::Little)
}

/// A marker, a header with the same version and descriptor, and the marker of the end.
fn is_safe_footer(head: &[u8], tail: &[u8]) -> bool {
    if tail.len() < TAIL_BYTES {
        return false;
    }
    let (before, rest) = tail.split_at(SECTOR);
    let (footer, end) = rest.split_at(SECTOR);
    // The signature and the version; offset and length of the descriptor.
    let is_same = [0..8, 28..44].into_iter().all(|part| head.get(part.clone()) == footer.get(part));
    is_same
        && directory(footer) != AT_END
        && is_marker(before, FOOTER)
        && is_marker(end, END_OF_STREAM)
        && number(end, 0, 8, ByteOrder::Little) == 0
}

fn is_marker(sector: &[u8], kind: u64) -> bool {
    number(sector, 8, 4, ByteOrder::Little) == 0
        && number(sector, 12, 4, ByteOrder::Little) == kind
        && sector.iter().skip(16).all(|byte| *byte == 0)
}

/// The descriptor of a sparse VMDK: a known type, known lines, and no path.
fn is_safe_descriptor(head: &[u8]) -> bool {
    let sectors =
        |offset| usize::try_from(number(head, offset, 8, ByteOrder::Little)).unwrap_or(usize::MAX);
    let (start, length) = (sectors(28).saturating_mul(512), sectors(36).saturating_mul(512));
    let text = head.get(start..start.saturating_add(length).min(head.len())).unwrap_or_default();
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let text = text.to_ascii_lowercase();
    let kind = text.split("createtype=\"").nth(1).and_then(|rest| rest.split('"').next());
    let is_extent = |line: &str| {
        ["rw", "rdonly", "noaccess"].contains(&line.split(' ').next().unwrap_or_default())
    };
    let is_field = |line: &str| line.split_once('=').is_some_and(|(key, _)| !key.contains(' '));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    matches!(kind, Some("monolithicsparse" | "streamoptimized"))
        && lines.iter().all(|line| {
            line.is_empty()
                || line.starts_with('#')
                || line.starts_with("ddb")
                || is_field(line)
                || is_extent(line) && !line.contains('/')
        })
        && lines.iter().any(|line| is_extent(line))
}

#[cfg(test)]
mod tests {
    use super::super::tests::data;
    use super::super::{UNSAFE, check};
    use super::*;

    const GOOD: &str =
        "# Disk DescriptorFile\nversion=1\ncreateType=\"monolithicSparse\"\nRW 8 SPARSE \"a\"\n";

    fn vmdk(text: &str) -> Vec<u8> {
        let sectors = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
        let head = b"KDMV\x01\0\0\0\0\0\0\0\x08\0\0\0";
        data(70000, &[(0, head), (28, &sectors), (512, text.as_bytes())])
    }

    #[test]
    fn a_vmdk_needs_a_descriptor_without_paths() {
        assert_eq!(check(&Sample::of(&vmdk(GOOD)), "vmdk"), Ok(Some(8 * 512)));
        for bad in ["", &GOOD.replace("Sparse", "Flat"), &GOOD.replace("\"a\"", "\"/etc/passwd\"")]
        {
            assert_eq!(check(&Sample::of(&vmdk(bad)), "vmdk"), Err(UNSAFE.to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_footer_repeats_the_header() {
        let mut data = vmdk(GOOD);
        let footer = data[..SECTOR].to_vec();
        data[56..64].fill(0xff);
        assert_eq!(check(&Sample::of(&data), "vmdk"), Err(UNSAFE.to_owned()));
        let mut marker = vec![0; SECTOR];
        marker[12] = 3;
        let at = data.len();
        data.extend([marker, footer, vec![0; SECTOR]].concat());
        assert_eq!(check(&Sample::of(&data), "vmdk"), Ok(Some(8 * 512)));
        // The type and the end of the marker; signature, version, descriptor and directory of the footer; the
        // marker of the end.
        for (offset, byte) in [
            (12, 2),
            (511, 1),
            (512, 0),
            (516, 2),
            (540, 2),
            (548, 3),
            (1024, 1),
            (1032, 1),
            (1036, 1),
        ] {
            let mut bad = data.clone();
            bad[at + offset] = byte;
            assert_eq!(check(&Sample::of(&bad), "vmdk"), Err(UNSAFE.to_owned()), "{offset}");
        }
        data[at + SECTOR + 56..at + SECTOR + 64].fill(0xff);
        assert_eq!(check(&Sample::of(&data), "vmdk"), Err(UNSAFE.to_owned()));
    }
}
