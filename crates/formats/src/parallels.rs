//! Parallels (`docs/interop/parallels.rst`, `block/parallels.c`), the image service's `ploop`.

use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{MAX_OFFSET, SECTOR, le32, le64};

/// The old layout: BAT entries count sectors, the size has 32 bits.
const OLD: &[u8] = b"WithoutFreeSpace";
const NEW: &[u8] = b"WithouFreSpacExt";
/// The magic of the cluster that `ext_off` refers to.
const EXTENSION: u64 = 0xab23_4cef_23dc_ea87;
/// `in_use` while the image is open.
const IN_USE: u32 = 0x746f_6e59;
/// qemu's limit for sectors per cluster: `INT32_MAX / 513`.
const MAX_TRACKS: u32 = 0x7fff_ffff / 513;
/// qemu's limit for BAT entries: `INT_MAX / 4`.
const MAX_ENTRIES: u32 = 0x7fff_ffff / 4;

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
        let Some(head) = &stream.header::<64>() else { return Some(seen.cut_off(stream)) };
        let (Some(tracks), Some(entries), Some(sectors), Some(in_use)) =
            (le32(head, 28), le32(head, 32), le64(head, 36), le32(head, 44))
        else {
            return Some(seen.cut_off(stream));
        };
        let sectors = if is_old { sectors & u64::from(u32::MAX) } else { sectors };
        seen.virtual_size = sectors.checked_mul(SECTOR);
        seen.variant =
            Some(if is_old { "WithoutFreeSpace" } else { "WithouFreSpacExt" }.to_owned());
        seen.details.bytes("cluster size", u64::from(tracks) * SECTOR);
        if let (Some(heads), Some(cylinders)) = (le32(head, 20), le32(head, 24)) {
            seen.details.text("geometry", format!("{cylinders} cylinders, {heads} heads"));
        }
        let is_impossible = seen.virtual_size.is_none_or(|bytes| bytes > MAX_OFFSET);
        seen.refuse(is_impossible, 36, format!("{sectors} sectors are not valid"));
        seen.refuse(tracks == 0, 28, "a cluster has no sector");
        seen.refuse(tracks > MAX_TRACKS, 28, format!("a cluster of {tracks} sectors is too large"));
        let text = format!("{entries} BAT entries are more than qemu supports");
        seen.refuse(entries > MAX_ENTRIES, 32, text);
        let text = "the BAT ends after the end of the file";
        let bat_end = 64 + 4 * u64::from(entries);
        seen.warn(stream.lacks(Some(bat_end)), FindingId::Truncated, 32, text);
        extension(&mut seen, stream);
        if in_use == IN_USE {
            let text = "it was not closed properly";
            seen.findings.push(Finding::info(FindingId::NotClosed, 44, text));
        }
        Some(seen)
    }
}

/// Checks that the extension cluster has the magic of one.
fn extension(seen: &mut Seen, stream: &Stream<'_>) {
    let Some(sectors @ 1..) = le64(stream.head, 56) else { return };
    let Some(offset) = sectors.checked_mul(SECTOR).filter(|offset| *offset <= i64::MAX as u64)
    else {
        seen.refuse(true, 56, "its extension is after the end of any file");
        return;
    };
    match stream.at(offset, 8) {
        Some(bytes) => {
            let is_one = le64(bytes, 0) == Some(EXTENSION);
            seen.refuse(!is_one, 56, "the extension is not at the offset in the header");
            // Its checksum and features may make qemu refuse the image as well.
            if is_one {
                seen.findings.push(Finding::info(FindingId::NotChecked, offset, UNSEEN));
            }
        }
        None if stream.lacks(offset.checked_add(8)) => {
            seen.refuse(true, 56, "its extension is after the end of the file");
        }
        None => seen.findings.push(Finding::info(FindingId::NotChecked, offset, UNSEEN)),
    }
}

const UNSEEN: &str = "its extension was not checked";
