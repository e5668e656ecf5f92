//! qcow2, versions 2 and 3 (`docs/interop/qcow2.txt` and `qcow2_do_open` of qemu).
//!
//! [`Header`] and [`Layout`] are meant for readers of the format. The detector itself reads no tables, since
//! a stream has no random access.

mod extensions;
mod header;
mod tables;

use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{be32, be64, shown};
use extensions::Extensions;
use header::Incompatible;

pub use header::Header;
pub use tables::{L2Entry, Layout, Misaligned};

/// The first four bytes.
const MAGIC: &[u8] = b"QFI\xfb";

/// Bytes that qemu reads at least, with zeros after the end of the file.
const SECTOR_BYTES: usize = 512;

/// Bytes of the magic and the version of a LUKS header.
const LUKS_MAGIC_BYTES: u64 = 8;

/// Bytes of a LUKS header of version 1 with its key slots.
const LUKS_HEADER_BYTES: u64 = 592;

/// Both versions.
pub(crate) struct Qcow2;

impl Inspector for Qcow2 {
    /// Judges the header as strictly as qemu does when it opens the image, and as the image service does.
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let head = stream.head;
        // Version 1 is another format, version 0 does not exist.
        if !head.starts_with(MAGIC) || be32(head, 4).is_some_and(|version| version < 2) {
            return None;
        }
        // Without a version qemu does not detect the image.
        let has_version = head.len() >= 8;
        if let Some(header) = Header::read(head) {
            return Some(judged(&header, head, stream));
        }
        // qemu reads zeros after the end of a file, so that a header that ends there may be valid.
        let padded = stream.header::<SECTOR_BYTES>().filter(|_| has_version);
        let padded = padded.as_ref().and_then(|head| Some((Header::read(head)?, head)));
        if let Some((header, head)) = padded {
            let seen = judged(&header, head, stream);
            if seen.findings.iter().all(|finding| !finding.stops_qemu) {
                return Some(seen);
            }
        }
        let mut seen = Seen::new(0, MAGIC.len());
        seen.is_probed = has_version;
        Some(seen.cut_off(stream))
    }
}

/// The verdict on a header; `head` is the start of the image as qemu reads it.
fn judged(header: &Header, head: &[u8], stream: &Stream<'_>) -> Seen {
    let mut seen = Seen::new(0, MAGIC.len());
    seen.virtual_size = Some(header.virtual_size());
    seen.variant = Some(format!("version {}", header.version));
    header.describe(&mut seen.details);
    header.judge(&mut seen, stream);
    seen.findings.extend(features(header));
    if header.has_valid_cluster_size() {
        let extensions = Extensions::read(head, header);
        seen.findings.extend(extensions.findings());
        describe_references(&mut seen.details, head, header, &extensions);
        seen.findings.extend(references(head, header, &extensions));
        refuse_luks_header(&mut seen, header, &extensions, stream);
    } else {
        // The positions of the names depend on the cluster size; their existence does not.
        seen.findings.extend(references(head, header, &Extensions::default()));
    }
    seen
}

/// Refuses an image whose LUKS header is not where qemu expects it. Its content is not read.
fn refuse_luks_header(
    seen: &mut Seen,
    header: &Header,
    extensions: &Extensions<'_>,
    stream: &Stream<'_>,
) {
    let Some(place) = extensions.luks_header else {
        let is_lost = header.crypt_method == 2 && !extensions.is_cut();
        let text = "it is LUKS-encrypted, but has no offset of the LUKS header";
        return seen.refuse(is_lost, 32, text);
    };
    let text = "it has the offset of a LUKS header, but is not LUKS-encrypted";
    seen.refuse(header.crypt_method != 2, 32, text);
    let (Some(offset), Some(length), 16) = (be64(place, 0), be64(place, 8), place.len()) else {
        let text = format!("the field for its LUKS header has {} bytes, not 16", place.len());
        return seen.refuse(true, 32, text);
    };
    let text = format!("its LUKS header at byte {offset} does not begin at a cluster");
    seen.refuse(!offset.is_multiple_of(header.cluster_bytes()), 32, text);
    let text = format!("its LUKS header has {length} bytes, less than {LUKS_HEADER_BYTES}");
    seen.refuse(length < LUKS_HEADER_BYTES, 32, text);
    let text = "its LUKS header is after the end of the file";
    seen.refuse(stream.lacks(offset.checked_add(LUKS_MAGIC_BYTES)), 32, text);
}

/// Adds the names of other files, which are not read, to the details.
fn describe_references(
    details: &mut Details,
    head: &[u8],
    header: &Header,
    extensions: &Extensions<'_>,
) {
    if header.backing_file_offset != 0 {
        details.field("backing file", header.backing_file(head).unwrap_or_default());
        details.field("backing format", extensions.backing_format.unwrap_or_default());
    }
    if header.incompatible.contains(Incompatible::DATA_FILE) {
        details.field("data file", extensions.data_file.unwrap_or_default());
    }
}

/// Other files that a service reads when it opens this image.
fn references(head: &[u8], header: &Header, extensions: &Extensions) -> Vec<Finding> {
    let mut findings = Vec::new();
    if header.backing_file_offset != 0 {
        let name = header.backing_file(head).map_or_else(
            || "whose name is outside the header".to_owned(),
            |name| format!("\"{}\"", shown(name)),
        );
        let text = format!("it needs the backing file {name}, which the service would read");
        findings.push(Finding::fatal(FindingId::BackingFile, 8, text));
    }
    if header.incompatible.contains(Incompatible::DATA_FILE) {
        let name =
            extensions.data_file.map_or_else(String::new, |name| format!(", \"{}\"", shown(name)));
        let text = format!("its data is in another file{name}, which the service would read");
        findings.push(Finding::fatal(FindingId::DataFile, 72, text));
    }
    findings
}

fn features(header: &Header) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unknown = header.incompatible.unknown();
    if unknown != 0 {
        let text = format!("it requires features that qemu does not support: {unknown:#x}");
        findings.push(Finding::fatal(FindingId::UnknownFeatures, 72, text).stopping_qemu());
    }
    if header.incompatible.contains(Incompatible::EXTENDED_L2) {
        let text = "the image service does not support extended L2 entries; convert it without extended_l2";
        findings.push(Finding::fatal(FindingId::ServiceUnsupported, 72, text));
    }
    if header.incompatible.contains(Incompatible::CORRUPT) {
        let text = "qemu has marked it as corrupt; see `qemu-img check`";
        findings.push(Finding::fatal(FindingId::CorruptHeader, 72, text));
    }
    if header.incompatible.contains(Incompatible::DIRTY) {
        findings.push(Finding::info(FindingId::NotClosed, 72, "it was not closed properly"));
    }
    if header.crypt_method != 0 {
        findings.push(Finding::info(FindingId::Encrypted, 32, "the data is encrypted"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::{Detector, FindingId, Format, Inspection, Severity};

    /// A version 3 header of a disk of 1 GiB with clusters of 64 KiB, as qemu writes it.
    fn header() -> Vec<u8> {
        let mut head = vec![0; 64 << 10];
        let mut put = |offset: usize, bytes: &[u8]| {
            head[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0, b"QFI\xfb");
        put(4, &3u32.to_be_bytes());
        put(20, &16u32.to_be_bytes());
        put(24, &(1u64 << 30).to_be_bytes());
        put(36, &4u32.to_be_bytes()); // the number that extended L2 entries would need
        put(40, &(3u64 << 16).to_be_bytes());
        put(48, &(1u64 << 16).to_be_bytes());
        put(56, &1u32.to_be_bytes());
        put(96, &4u32.to_be_bytes());
        put(100, &112u32.to_be_bytes());
        head
    }

    fn inspect(changes: &[(usize, &[u8])]) -> Inspection {
        let mut head = header();
        for (offset, bytes) in changes {
            head[*offset..*offset + bytes.len()].copy_from_slice(bytes);
        }
        let mut detector = Detector::new();
        head.resize(4 << 16, 0);
        detector.push(&head);
        detector.finish()
    }

    fn fatal(inspection: &Inspection) -> Vec<FindingId> {
        let findings = inspection.findings.iter();
        findings.filter(|f| f.severity == Severity::Fatal).map(|f| f.id).collect()
    }

    #[test]
    fn a_sound_header_has_no_findings() {
        let inspection = inspect(&[]);
        assert_eq!(inspection.format, Format::Qcow2);
        assert_eq!(inspection.virtual_size, Some(1 << 30));
        assert_eq!(inspection.findings, []);
    }

    #[test]
    fn the_size_is_rounded_down_to_sectors() {
        let inspection = inspect(&[(24, &1_000_000u64.to_be_bytes())]);
        assert_eq!(inspection.virtual_size, Some(999_936));
    }

    #[test]
    fn other_files_are_named_and_fatal() {
        let inspection = inspect(&[
            (8, &200u64.to_be_bytes()),
            (16, &11u32.to_be_bytes()),
            (200, b"/etc/\x1b[2Jpw"),
        ]);
        assert_eq!(fatal(&inspection), [FindingId::BackingFile]);
        let text = &inspection.findings[0].text;
        assert!(text.contains(r"/etc/\x1b[2Jpw"), "escaped and complete: {text}");

        let inspection = inspect(&[
            (72, &4u64.to_be_bytes()),
            (112, &0x4441_5441u32.to_be_bytes()),
            (116, &8u32.to_be_bytes()),
            (120, b"data.raw"),
        ]);
        assert_eq!(fatal(&inspection), [FindingId::DataFile]);
        assert!(inspection.findings[0].text.contains("data.raw"));
    }

    #[test]
    fn a_data_file_name_without_the_feature_is_ignored_as_qemu_does() {
        let name: &[u8] = b"\x44\x41\x54\x41\0\0\0\x08data.raw";
        assert_eq!(fatal(&inspect(&[(112, name)])), []);
    }

    #[test]
    fn unknown_features_are_fatal() {
        for (bits, ids) in [
            (1u64, vec![]),
            (2, vec![FindingId::CorruptHeader]),
            (16, vec![FindingId::ServiceUnsupported]),
            (32, vec![FindingId::UnknownFeatures]),
            (1 << 63, vec![FindingId::UnknownFeatures]),
        ] {
            assert_eq!(fatal(&inspect(&[(72, &bits.to_be_bytes())])), ids, "{bits:#x}");
        }
    }

    #[test]
    fn every_field_that_qemu_refuses_is_a_corrupt_header() {
        let far = u64::MAX.to_be_bytes();
        let changes: [(&str, usize, &[u8]); 15] = [
            ("version", 4, &4u32.to_be_bytes()),
            ("cluster_bits too small", 20, &8u32.to_be_bytes()),
            ("cluster_bits too large", 20, &22u32.to_be_bytes()),
            ("crypt_method", 32, &3u32.to_be_bytes()),
            ("crypt_method without its extension", 32, &2u32.to_be_bytes()),
            ("l1_size too large", 36, &4_194_305u32.to_be_bytes()),
            ("l1_size too small", 36, &1u32.to_be_bytes()),
            ("l1_table_offset unaligned", 40, &513u64.to_be_bytes()),
            ("l1_table_offset too far", 40, &far),
            ("refcount_table_offset unaligned", 48, &513u64.to_be_bytes()),
            ("refcount_table_clusters none", 56, &0u32.to_be_bytes()),
            ("refcount_table_clusters too many", 56, &129u32.to_be_bytes()),
            ("nb_snapshots", 60, &65_537u32.to_be_bytes()),
            ("refcount_order", 96, &7u32.to_be_bytes()),
            ("header_length", 100, &64u32.to_be_bytes()),
        ];
        for (what, offset, bytes) in changes {
            let ids = fatal(&inspect(&[(offset, bytes)]));
            assert!(ids.contains(&FindingId::CorruptHeader), "{what}: {ids:?}");
        }
        // An extension that exceeds its area.
        let overrun: &[u8] = b"\x68\x03\xf8\x57\xff\xff\xff\xf0";
        assert_eq!(fatal(&inspect(&[(112, overrun)])), [FindingId::CorruptHeader]);
        // The last part of a sector needs an entry as well, although no machine sees it.
        for (size, is_sound) in [(1u64 << 30, true), ((1 << 30) + 1, false)] {
            let ids = fatal(&inspect(&[(24, &size.to_be_bytes()), (36, &2u32.to_be_bytes())]));
            assert_eq!(ids.is_empty(), is_sound, "{size}: {ids:?}");
        }
        // The position of the LUKS header, compared with qemu 10.0.2.
        let place = |bytes: u32, offset: u64, length: u64| {
            [
                &0x0537_be77_u32.to_be_bytes()[..],
                &bytes.to_be_bytes(),
                &offset.to_be_bytes(),
                &length.to_be_bytes(),
            ]
            .concat()
        };
        for (method, bytes, offset, length, is_sound) in [
            (2u32, 16, 2 << 16, 592, true),
            (0, 16, 2 << 16, 592, false),
            (1, 16, 2 << 16, 592, false),
            (2, 8, 2 << 16, 592, false),
            (2, 16, (2 << 16) + 512, 592, false),
            (2, 16, 4 << 16, 592, false),
            (2, 16, 2 << 16, 591, false),
        ] {
            let place = place(bytes, offset, length);
            let ids = fatal(&inspect(&[(32, &method.to_be_bytes()), (112, &place)]));
            assert_eq!(ids.is_empty(), is_sound, "{method} {bytes} {offset} {length}: {ids:?}");
        }
        // zstd clusters need the feature bit, and the bit needs zstd.
        assert_eq!(fatal(&inspect(&[(104, &[1])])), [FindingId::CorruptHeader]);
        assert_eq!(fatal(&inspect(&[(72, &8u64.to_be_bytes())])), [FindingId::CorruptHeader]);
        assert_eq!(fatal(&inspect(&[(72, &8u64.to_be_bytes()), (104, &[1])])), []);
    }
}
