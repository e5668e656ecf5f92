//! VMware (`block/vmdk.c`): sparse extents (`KDMV`), those of ESX (`COWD`, seSparse), and text descriptors
//! that name the files with the data.

pub(crate) mod descriptor;
pub(crate) mod sparse;

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, first, le32, le64, shown};
use descriptor::{Descriptor, is_probed_text};

/// The first eight bytes of a seSparse extent.
const SESPARSE_MAGIC: u64 = 0xcafe_babe;

/// All variants of VMware.
pub(crate) struct Vmdk;

impl Inspector for Vmdk {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let head = stream.head;
        if head.starts_with(sparse::MAGIC) {
            return Some(sparse::inspect(stream));
        }
        if head.starts_with(b"COWD") {
            return Some(cowd(stream));
        }
        if le64(head, 0) == Some(SESPARSE_MAGIC) {
            let text = "it is a seSparse extent without its descriptor";
            let finding = Finding::fatal(FindingId::ServiceUnsupported, 0, text);
            return Some(Seen::unprobed(0, 8).of("seSparse").with(finding));
        }
        text(stream)
    }

    fn wants(&self, stream: &Stream<'_>, asked: usize) -> Option<(u64, u64)> {
        let head = stream.head;
        if asked > 0 {
            return None;
        }
        if head.starts_with(sparse::MAGIC) {
            return sparse::SparseHeader::read(head)?.descriptor_region();
        }
        // In a long text, the image service may find a descriptor.
        let start = head.len() as u64;
        let is_text = head.iter().all(|&byte| byte != 0) && first(head, 512).is_ascii();
        is_text.then(|| (start, sparse::MAX_DESCRIPTOR_BYTES - start))
    }
}

/// An extent of older ESX versions; a separate descriptor refers to it.
fn cowd(stream: &Stream<'_>) -> Seen {
    let head = stream.head;
    let text = "the image service does not accept a COWD extent";
    let finding = Finding::fatal(FindingId::ServiceUnsupported, 0, text);
    let mut seen = Seen::new(0, 4).of("vmfsSparse").with(finding);
    let (Some(sectors), Some(grain)) = (le32(head, 12), le32(head, 16)) else {
        return seen.cut_off(stream);
    };
    seen.virtual_size = Some(u64::from(sectors) * SECTOR);
    seen.details.bytes("grain size", u64::from(grain) * SECTOR);
    let grain_is_sound = grain != 0 && grain <= 0x20_0000;
    seen.refuse(!grain_is_sound, 16, format!("grains of {grain} sectors are not valid"));
    seen
}

/// A separate descriptor: text with the title in its first lines.
fn text(stream: &Stream<'_>) -> Option<Seen> {
    const TITLE: &[u8] = b"# Disk DescriptorFile";
    let head = stream.head;
    let is_probed = is_probed_text(head);
    let without_mark = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let is_titled =
        without_mark.get(..TITLE.len()).is_some_and(|title| title.eq_ignore_ascii_case(TITLE));
    if !is_probed && !is_titled {
        return None;
    }
    let descriptor = Descriptor::new(head);
    let create_type = descriptor.create_type();
    let mut seen = if is_probed { Seen::new(0, 16) } else { Seen::unprobed(0, 16) };
    seen.variant = create_type.map(shown);
    seen.virtual_size = descriptor.virtual_size();
    descriptor.describe(&mut seen.details);
    let text = "it is only a descriptor; the data is in other files";
    seen.findings.push(Finding::fatal(FindingId::ExternalExtents, 0, text));
    seen.findings.extend(descriptor.findings(0));
    if descriptor.is_cut() && stream.length.is_none_or(|length| length > head.len() as u64) {
        let text = "only the beginning of the descriptor was read";
        seen.findings.push(Finding::info(FindingId::NotChecked, head.len() as u64, text));
        seen.virtual_size = None;
    }
    if is_probed {
        let shown_type = seen.variant.clone().unwrap_or_else(|| "none".to_owned());
        let text = format!("qemu does not support createType {shown_type}");
        let is_unknown = descriptor.is_cut() && stream.has_cut_head();
        seen.refuse(!is_unknown && !create_type.is_some_and(descriptor::is_opened), 0, text);
        descriptor::refuse_without_ids(&mut seen, stream, 0);
        seen.refuse(seen.virtual_size == Some(0), 0, "it has no usable extent line");
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use crate::{Detector, FindingId, Format, Inspection};

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    fn descriptor(create_type: &str, extents: &str) -> String {
        format!(
            "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"{create_type}\"\n\
             # Extent description\n{extents}\n\nddb.virtualHWVersion = \"4\"\n"
        )
    }

    /// A sparse header for 8 MiB in grains of 64 KiB, followed by its descriptor, 64 KiB in total.
    fn sparse(descriptor: &str) -> Vec<u8> {
        let mut image = vec![0; 64 << 10];
        let mut put = |offset: usize, bytes: &[u8]| {
            image[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0, b"KDMV\x01\0\0\0\x03\0\0\0");
        put(12, &16_384u64.to_le_bytes());
        put(20, &128u64.to_le_bytes());
        put(28, &1u64.to_le_bytes());
        put(36, &20u64.to_le_bytes());
        put(44, &512u32.to_le_bytes());
        put(56, &26u64.to_le_bytes());
        put(64, &128u64.to_le_bytes());
        put(73, b"\n \r\n");
        put(512, descriptor.as_bytes());
        image
    }

    #[test]
    fn a_sound_sparse_extent_has_no_findings() {
        let text = descriptor("monolithicSparse", "RW 16384 SPARSE \"disk.vmdk\"");
        let inspection = inspect(&sparse(&text));
        assert_eq!((inspection.format, inspection.virtual_size), (Format::Vmdk, Some(8 << 20)));
        assert_eq!(inspection.variant.as_deref(), Some("monolithicSparse"));
        assert_eq!(inspection.findings, []);
    }

    /// qemu skips one character after the key, even the end of the text.
    #[test]
    fn any_character_can_stand_before_a_content_id() {
        let text = descriptor("monolithicSparse", "RW 16384 SPARSE \"disk.vmdk\"");
        for sign in ["=", "x", "\0"] {
            let text = text.replace("parentCID=", &format!("parentCID{sign}"));
            assert_eq!(inspect(&sparse(&text)).qemu.refusal, None, "{sign:?}");
        }
        let text = text.replace("parentCID=", "parentCID\0\0");
        assert!(inspect(&sparse(&text)).qemu.refusal.is_some());
    }

    #[test]
    fn the_name_of_a_parent_needs_an_end() {
        for (name, is_sound) in [
            ("p\"".to_owned(), true),
            ("p\0".to_owned(), false),
            (format!("{}\"", "p".repeat(4095)), true),
            (format!("{}\"", "p".repeat(4096)), false),
        ] {
            let extents = format!("RW 16384 SPARSE \"disk.vmdk\"\nparentFileNameHint=\"{name}");
            let text = descriptor("monolithicSparse", &extents);
            let refusal = inspect(&sparse(&text)).qemu.refusal;
            assert_eq!(refusal.is_none(), is_sound, "{} bytes: {refusal:?}", name.len());
        }
    }

    #[test]
    fn references_to_other_files_are_fatal() {
        for (text, id) in [
            (
                descriptor("monolithicSparse", "RW 1 SPARSE \"../d.vmdk\""),
                FindingId::ExternalExtents,
            ),
            (descriptor("monolithicSparse", "RW 1 SPARSE \"nbd:h:1\""), FindingId::ExternalExtents),
            (
                descriptor("monolithicSparse", "RW 1 SPARSE \"d\"\nparentFileNameHint=\"/p\""),
                FindingId::BackingFile,
            ),
        ] {
            let inspection = inspect(&sparse(&text));
            assert!(inspection.findings.iter().any(|f| f.id == id), "{text}");
            assert!(inspection.is_refused());
        }
        let mut redirected = sparse(&descriptor("monolithicFlat", "RW 1 FLAT \"d\" 0"));
        redirected[12..20].fill(0);
        let inspection = inspect(&redirected);
        assert!(inspection.findings.iter().any(|f| f.id == FindingId::ExternalExtents));
    }

    #[test]
    fn every_field_that_qemu_refuses_is_a_corrupt_header() {
        let sound = sparse(&descriptor("monolithicSparse", "RW 1 SPARSE \"d\""));
        let changes: [(usize, &[u8]); 8] = [
            (4, &4u32.to_le_bytes()),
            (20, &0u64.to_le_bytes()),
            (20, &0x20_0001u64.to_le_bytes()),
            (44, &0u32.to_le_bytes()),
            (44, &513u32.to_le_bytes()),
            (12, &u64::MAX.to_le_bytes()),
            (56, &u64::MAX.to_le_bytes()),
            (64, &129u64.to_le_bytes()),
        ];
        for (offset, bytes) in changes {
            let mut image = sound.clone();
            image[offset..offset + bytes.len()].copy_from_slice(bytes);
            let inspection = inspect(&image);
            assert!(inspection.qemu.refusal.is_some(), "{offset}: {inspection:?}");
            assert!(inspection.is_refused());
        }
    }

    #[test]
    fn a_descriptor_has_the_size_of_its_extents() {
        let text = descriptor(
            "twoGbMaxExtentFlat",
            "RW 4192256 FLAT \"d-f001.vmdk\" 0\nRW 2048 FLAT \"d-f002.vmdk\" 0\nRDONLY 7 ZERO",
        );
        let inspection = inspect(text.as_bytes());
        assert_eq!(inspection.virtual_size, Some((4_192_256 + 2048) * 512));
        assert_eq!(inspection.qemu.refusal, None);
        let inspection = inspect(descriptor("fullDevice", "RW 1 FLAT \"/dev/sda\" 0").as_bytes());
        assert!(inspection.qemu.refusal.is_some());
        // qemu checks only the version, not the title.
        let inspection = inspect(text.replace("version=1", "version=4").as_bytes());
        assert_eq!((inspection.format, inspection.qemu.format), (Format::Vmdk, "raw"));
    }
}
