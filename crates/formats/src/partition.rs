//! Partition tables: the boot sector of PCs, and GUID partition tables (UEFI 2.10, chapter 5).

use crate::checksum::crc32;
use crate::finding::{Finding, FindingId};
use crate::glance::mbr;
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{le32, le64};

/// Where `55 aa` ends a boot sector.
pub(crate) const BOOT_SIGNATURE: usize = 510;
const GPT_MAGIC: &[u8] = b"EFI PART";
/// Bytes of a GPT's header without padding.
const GPT_HEADER_BYTES: u32 = 92;

/// A boot sector, with or without partitions.
pub(crate) struct Mbr;

impl Inspector for Mbr {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if stream.head.get(BOOT_SIGNATURE..BOOT_SIGNATURE + 2)? != b"\x55\xaa" {
            return None;
        }
        let text = "a boot sector or partition table is at the start";
        let offset = BOOT_SIGNATURE as u64;
        let mut seen = Seen::unprobed(offset, 2);
        seen.findings.push(Finding::info(FindingId::PartitionTable, offset, text));
        if mbr::is_matched(stream.head)
            && let Err(reason) = mbr::check(stream.head)
        {
            let text = format!("image services since 2026.1 refuse it: {reason}");
            seen.findings.push(Finding::warning(FindingId::MbrInvalid, 446, text));
        }
        Some(seen)
    }
}

/// A table in sectors of 512 or 4096 bytes.
pub(crate) struct Gpt;

impl Inspector for Gpt {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let sector = [512, 4096].into_iter().find(|&at| {
            stream.head.get(at..).is_some_and(|header| header.starts_with(GPT_MAGIC))
        })?;
        let at = sector as u64;
        let mut seen = Seen::unprobed(at, GPT_MAGIC.len());
        seen.variant = Some(format!("sectors of {sector} bytes"));
        let (text, header) = ("a GUID partition table", &stream.head[sector..]);
        seen.findings.push(Finding::info(FindingId::PartitionTable, at, text));
        let Some(second) = le64(header, 32) else { return Some(seen) };
        let text = "the checksum of the partition table's header is wrong";
        seen.warn(!has_sound_checksum(header), FindingId::CorruptHeader, at + 16, text);
        let Some(second) = second.checked_mul(at) else {
            let text = "the second partition table cannot be where the first says";
            seen.warn(true, FindingId::CorruptHeader, at + 32, text);
            return Some(seen);
        };
        let text = "the second partition table is behind the end of the file";
        let is_cut = stream.lacks(second.checked_add(at));
        seen.warn(is_cut, FindingId::Truncated, at + 32, text);
        if !is_cut && stream.tail.is_some() {
            let is_last = stream.lacks(Some(second.saturating_add(at) + 1));
            let is_there = stream.at(second, GPT_MAGIC.len()) == Some(GPT_MAGIC);
            let text = "the second partition table is not at the end of the file";
            seen.warn(!(is_last && is_there), FindingId::InconsistentSize, at + 32, text);
        }
        Some(seen)
    }
}

/// Over as many bytes as the header says it has, its own field as zero.
fn has_sound_checksum(header: &[u8]) -> bool {
    let length = le32(header, 12).filter(|length| (GPT_HEADER_BYTES..=512).contains(length));
    let Some(bytes) = length.and_then(|length| header.get(..usize::try_from(length).ok()?)) else {
        return false;
    };
    let zeroed = bytes[..16].iter().chain(&[0; 4]).chain(&bytes[20..]);
    le32(header, 16) == Some(crc32(zeroed.copied()))
}
