//! Parallels (`docs/interop/parallels.rst`, `block/parallels.c`), the image service's `ploop`.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, le32, le64};

/// The first layout: BAT entries count sectors, the size has 32 bits.
const OLD: &[u8] = b"WithoutFreeSpace";
const NEW: &[u8] = b"WithouFreSpacExt";
/// `in_use` while it is open.
const IN_USE: u32 = 0x746f_6e59;
/// qemu's limit for sectors a cluster: `INT32_MAX / 513`.
const MOST_TRACKS: u32 = 0x7fff_ffff / 513;
/// qemu's limit for BAT entries: `INT_MAX / 4`.
const MOST_ENTRIES: u32 = 0x7fff_ffff / 4;

/// An expanding image.
pub(crate) struct Parallels;

impl Inspector for Parallels {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let head = stream.head;
        let is_old = head.starts_with(OLD);
        if !(is_old || head.starts_with(NEW)) || le32(head, 16)? != 2 {
            return None;
        }
        let mut seen = Seen::new(0, 20);
        let (Some(tracks), Some(entries), Some(sectors), Some(in_use)) =
            (le32(head, 28), le32(head, 32), le64(head, 36), le32(head, 44))
        else {
            return Some(seen.cut_off());
        };
        let sectors = if is_old { sectors & u64::from(u32::MAX) } else { sectors };
        seen.virtual_size = sectors.checked_mul(SECTOR);
        seen.variant =
            Some(if is_old { "WithoutFreeSpace" } else { "WithouFreSpacExt" }.to_owned());
        seen.details.bytes("cluster size", u64::from(tracks) * SECTOR);
        if let (Some(heads), Some(cylinders)) = (le32(head, 20), le32(head, 24)) {
            seen.details.text("geometry", format!("{cylinders} cylinders, {heads} heads"));
        }
        seen.refuse(seen.virtual_size.is_none(), 36, format!("{sectors} sectors are impossible"));
        seen.refuse(tracks == 0, 28, "a cluster has no sector");
        seen.refuse(tracks > MOST_TRACKS, 28, format!("a cluster of {tracks} sectors"));
        let text = format!("{entries} BAT entries are more than qemu takes");
        seen.refuse(entries > MOST_ENTRIES, 32, text);
        let text = "the BAT ends behind the end of the file";
        let bat_end = 64 + 4 * u64::from(entries);
        seen.warn(stream.lacks(Some(bat_end)), FindingId::Truncated, 32, text);
        if in_use == IN_USE {
            let text = "it was not closed properly";
            seen.findings.push(Finding::info(FindingId::NotClosed, 44, text));
        }
        Some(seen)
    }
}
