//! VirtualBox (`block/vdi.c`).

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, bytes, le32, le64};

/// The only version.
const VERSION: u32 = 0x0001_0001;
/// Bytes of a block; qemu supports no other size.
const BLOCK_BYTES: u32 = 1 << 20;
/// qemu's limit for blocks.
const MAX_BLOCKS: u32 = 0x1fff_ff80;

/// The image of one disk.
pub(crate) struct Vdi;

impl Inspector for Vdi {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let head = stream.head;
        if le32(head, 0x40)? != 0xbeda_107f {
            return None;
        }
        let mut seen = Seen::new(0x40, 4);
        let Some(head) = &stream.header::<512>() else {
            // qemu needs the complete header.
            seen.is_probed = false;
            return Some(seen);
        };
        let u32_at = |offset| le32(head, offset).unwrap_or_default();
        let (version, kind) = (u32_at(0x44), u32_at(0x4c));
        let (map, data) = (u32_at(0x154), u32_at(0x158));
        let (sector, block, blocks) = (u32_at(0x168), u32_at(0x178), u32_at(0x180));
        let size = le64(head, 0x170).unwrap_or_default();
        seen.virtual_size = size.checked_next_multiple_of(SECTOR);
        seen.variant = match kind {
            1 => Some("dynamic".to_owned()),
            2 => Some("static".to_owned()),
            3 => Some("undo".to_owned()),
            4 => Some("differencing".to_owned()),
            _ => None,
        };

        seen.details.field("application", head.get(..0x40).unwrap_or_default());
        seen.details.field("comment", head.get(0x54..0x154).unwrap_or_default());
        seen.details.bytes("block size", block);
        seen.details.number("allocated blocks", u32_at(0x184));
        seen.details.uuid("uuid", head.get(0x188..));
        for (name, at) in [("link uuid", 0x1a8), ("parent uuid", 0x1b8)] {
            seen.details.uuid(name, head.get(at..));
        }

        seen.refuse(version != VERSION, 0x44, format!("version {version:#x} is not supported"));
        seen.refuse(
            map % 512 != 0,
            0x154,
            format!("the block map at byte {map} does not begin at a sector"),
        );
        seen.refuse(
            data % 512 != 0,
            0x158,
            format!("the data at byte {data} does not begin at a sector"),
        );
        seen.refuse(sector != 512, 0x168, format!("sectors of {sector} bytes are not valid"));
        seen.refuse(block != BLOCK_BYTES, 0x178, format!("blocks of {block} bytes are not valid"));
        seen.refuse(
            blocks > MAX_BLOCKS,
            0x180,
            format!("{blocks} blocks are more than qemu supports"),
        );
        let capacity = u64::from(blocks) * u64::from(BLOCK_BYTES);
        let too_large = seen.virtual_size.is_none_or(|size| size > capacity);
        seen.refuse(
            too_large,
            0x170,
            format!("a disk of {size} bytes does not fit into {blocks} blocks"),
        );

        let is_linked = |offset| bytes::<16>(head, offset).is_some_and(|uuid| uuid != [0; 16]);
        for (offset, what) in [(0x1a8, "link"), (0x1b8, "parent")] {
            if is_linked(offset) {
                let text = format!("it is a differencing disk: its {what} names another disk");
                let finding = Finding::fatal(FindingId::BackingFile, offset as u64, text);
                seen.findings.push(finding.stopping_qemu());
            }
        }
        if kind == 4 && seen.findings.iter().all(|finding| finding.id != FindingId::BackingFile) {
            let text = "its type is a differencing disk";
            seen.findings.push(Finding::fatal(FindingId::BackingFile, 0x4c, text));
        }
        let map_end = u64::from(map) + 4 * u64::from(blocks);
        let text = "the block map ends after the end of the file";
        seen.warn(stream.lacks(Some(map_end)), FindingId::Truncated, 0x154, text);
        Some(seen)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Detector, Inspection};

    /// A dynamic disk of 5 MiB, as `qemu-img create -f vdi` creates it.
    fn header() -> [u8; 512] {
        let mut header = [0; 512];
        for (at, value) in [
            (0x40, 0xbeda_107f_u32),
            (0x44, 0x1_0001),
            (0x4c, 1),
            (0x154, 512),
            (0x158, 1024),
            (0x168, 512),
            (0x170, 5 << 20),
            (0x178, 1 << 20),
            (0x180, 5),
        ] {
            header[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        header
    }

    fn inspect(bytes: &[u8]) -> Inspection {
        let mut detector = Detector::new();
        detector.push(bytes);
        detector.finish()
    }

    /// Measured: qemu 10.0.2 opens a file of 400 bytes, and refuses one of 329 because of sectors of 0 bytes.
    #[test]
    fn a_header_that_is_cut_off_is_padded_with_zeros() {
        let complete = inspect(&header()).qemu;
        assert_eq!(
            (complete.format, complete.virtual_size, &complete.refusal),
            ("vdi", Some(5 << 20), &None)
        );
        assert_eq!(inspect(&header()[..400]).qemu, complete);
        let cut = inspect(&header()[..329]);
        assert_eq!((cut.qemu.format, cut.qemu.refusal.is_some()), ("vdi", true));
        assert!(cut.is_refused());
    }
}
