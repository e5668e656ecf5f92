//! Bochs, growing (`block/bochs.c`).

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, c_string, le32, le64};

/// qemu's limit for catalog entries.
const MAX_ENTRIES: u32 = 1 << 20;
/// The range of extent sizes that qemu supports.
const EXTENT_BYTES: std::ops::RangeInclusive<u32> = 512..=8 << 20;

/// A redolog without a base image.
pub(crate) struct Bochs;

impl Inspector for Bochs {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let head = stream.head;
        if c_string(head.get(..32)?) != b"Bochs Virtual HD Image" {
            return None;
        }
        let text = "the image service treats it as raw, but later services detect the format";
        let mut seen =
            Seen::new(0, 22).with(Finding::fatal(FindingId::ServiceUnsupported, 0, text));
        let Some(head) = &stream.header::<512>() else { return Some(seen.cut_off(stream)) };
        let kind = (head.get(32..48).map(c_string), head.get(48..64).map(c_string));
        let version = le32(head, 64);
        let first = version == Some(0x1_0000);
        if kind != (Some(b"Redolog"), Some(b"Growing")) || !(first || version == Some(0x2_0000)) {
            seen.is_probed = false;
            return Some(seen);
        }
        let (Some(entries), Some(extent), Some(size)) =
            (le32(head, 72), le32(head, 80), le64(head, if first { 84 } else { 88 }))
        else {
            return Some(seen.cut_off(stream));
        };
        seen.virtual_size = Some(size / SECTOR * SECTOR);
        seen.variant = Some(if first { "version 1" } else { "version 2" }.to_owned());
        seen.details.bytes("extent size", extent);
        seen.details.number("catalog entries", entries);
        let text = format!("{entries} catalog entries are more than qemu supports");
        seen.refuse(entries > MAX_ENTRIES, 72, text);
        if extent.is_power_of_two() && EXTENT_BYTES.contains(&extent) {
            let too_small =
                u64::from(entries) < (size / SECTOR).div_ceil(u64::from(extent) / SECTOR);
            seen.refuse(
                too_small,
                72,
                format!("a disk of {size} bytes does not fit into {entries} extents"),
            );
        } else {
            seen.refuse(true, 80, format!("extents of {extent} bytes are not valid"));
        }
        Some(seen)
    }
}
