//! Partition tables: the boot sector of PCs, and GUID partition tables (UEFI 2.10, chapter 5).

use crate::boot_sector;
use crate::checksum::crc32;
use crate::detail::{Details, short_size, swapped, uuid_text, wide};
use crate::finding::{Finding, FindingId};
use crate::inspect::{Inspector, Seen, Stream};
use crate::on_disk::{SECTOR, bytes, le32, le64, without_field};

/// The offset of `55 aa`, which ends a boot sector.
pub(crate) const BOOT_SIGNATURE: usize = 510;
const GPT_MAGIC: &[u8] = b"EFI PART";
/// Bytes of a GPT's header without padding.
const GPT_HEADER_BYTES: u32 = 92;
/// Bytes of a GPT's entry up to the end of its fields.
const GPT_ENTRY_BYTES: usize = 128;
/// Maximum number of entries of a GPT that the details list.
const MAX_LISTED_PARTITIONS: usize = 32;

/// Names of the partition types that are common in disk images.
const MBR_TYPES: [(u8, &str); 16] = [
    (0x01, "FAT12"),
    (0x04, "FAT16"),
    (0x05, "extended"),
    (0x06, "FAT16"),
    (0x07, "NTFS or exFAT"),
    (0x0b, "FAT32"),
    (0x0c, "FAT32"),
    (0x0e, "FAT16"),
    (0x0f, "extended"),
    (0x82, "Linux swap"),
    (0x83, "Linux"),
    (0x8e, "Linux LVM"),
    (0xa5, "FreeBSD"),
    (0xee, "GPT"),
    (0xef, "EFI system"),
    (0xfd, "Linux RAID"),
];
const GPT_TYPES: [(&str, &str); 16] = [
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system"),
    ("21686148-6449-6e6f-744e-656564454649", "BIOS boot"),
    ("0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux"),
    ("4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)"),
    ("b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM64)"),
    ("bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux extended boot"),
    ("933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux home"),
    ("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"),
    ("e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM"),
    ("a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID"),
    ("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Microsoft data"),
    ("e3c9e316-0b5c-4db8-817d-f92df00215ae", "Microsoft reserved"),
    ("de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows recovery"),
    ("516e7cb4-6ecf-11d6-8ff8-00022d09712b", "FreeBSD"),
    ("48465300-0000-11aa-aa11-00306543ecac", "HFS+"),
    ("9e1a2d38-c612-4316-aa26-8b49521e5a8b", "PReP boot"),
];

/// A boot sector, with or without partitions.
pub(crate) struct Mbr;

impl Inspector for Mbr {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if stream.head.get(BOOT_SIGNATURE..BOOT_SIGNATURE + 2)? != b"\x55\xaa" {
            return None;
        }
        let text = "it begins with a boot sector or partition table";
        let offset = BOOT_SIGNATURE as u64;
        let mut seen = Seen::unprobed(offset, 2);
        seen.findings.push(Finding::info(FindingId::PartitionTable, offset, text));
        if boot_sector::is_matched(stream.head)
            && let Err(reason) = boot_sector::check(stream.head)
        {
            let text = format!("image services since 2026.1 refuse it: {reason}");
            seen.findings.push(Finding::warning(FindingId::MbrInvalid, 446, text));
        }
        describe_mbr(&mut seen.details, stream.head);
        Some(seen)
    }
}

/// A GPT with sectors of 512 or 4096 bytes.
pub(crate) struct Gpt;

impl Inspector for Gpt {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        let sector = [512, 4096].into_iter().find(|&at| {
            stream.head.get(at..).is_some_and(|header| header.starts_with(GPT_MAGIC))
        })?;
        let at = sector as u64;
        let mut seen = Seen::unprobed(at, GPT_MAGIC.len());
        seen.variant = Some(format!("sectors of {sector} bytes are not valid"));
        let (text, header) = ("a GUID partition table", stream.head.get(sector..)?);
        seen.findings.push(Finding::info(FindingId::PartitionTable, at, text));
        describe_gpt(&mut seen.details, stream, sector, header);
        let Some(second) = le64(header, 32) else { return Some(seen) };
        let text = "the checksum of the partition table's header is wrong";
        let is_wrong = !is_cut(stream, header) && !has_valid_checksum(header);
        seen.warn(is_wrong, FindingId::CorruptHeader, at + 16, text);
        let Some(second) = second.checked_mul(at) else {
            let text = "the offset of the backup partition table is not valid";
            seen.warn(true, FindingId::CorruptHeader, at + 32, text);
            return Some(seen);
        };
        let text = "the backup partition table is after the end of the file";
        let is_cut = stream.lacks(second.checked_add(at));
        seen.warn(is_cut, FindingId::Truncated, at + 32, text);
        if !is_cut && stream.tail.is_some() {
            let is_last = stream.lacks(Some(second.saturating_add(at) + 1));
            let is_there = stream.at(second, GPT_MAGIC.len()) == Some(GPT_MAGIC);
            let text = "the backup partition table is not at the end of the file";
            seen.warn(!(is_last && is_there), FindingId::InconsistentSize, at + 32, text);
        }
        Some(seen)
    }
}

/// Adds the entries to the details, unless the sector contains the code of a file system.
fn describe_mbr(details: &mut Details, head: &[u8]) {
    let Some(table) = head.get(446..510) else { return };
    let entries = table.as_chunks::<16>().0;
    if entries.iter().any(|entry| !matches!(entry[0], 0 | 0x80)) {
        return;
    }
    if let Some(signature) = le32(head, 440).filter(|signature| *signature != 0) {
        details.text("disk signature", format!("{signature:08x}"));
    }
    let mut partitions = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        let (Some(start), Some(sectors)) = (le32(entry, 8), le32(entry, 12)) else { continue };
        if entry[4] == 0 {
            continue;
        }
        let name = MBR_TYPES.iter().find(|(kind, _)| *kind == entry[4]);
        let name = name.map(|(_, name)| format!(" {name}")).unwrap_or_default();
        let size = short_size(u64::from(sectors) * SECTOR);
        let active = if entry[0] == 0x80 { ", active" } else { "" };
        partitions.push(format!(
            "{}: {:02x}{name}, {size} from sector {start}{active}",
            n + 1,
            entry[4],
        ));
    }
    details.list("mbr partitions", partitions);
}

/// Adds the kept entries to the details.
fn describe_gpt(details: &mut Details, stream: &Stream<'_>, sector: usize, header: &[u8]) {
    details.guid("disk guid", header.get(56..));
    details.bytes("sector size", sector as u64);
    let sound = |is_sound| if is_sound { "correct" } else { "wrong" };
    if !is_cut(stream, header) {
        details.text("header checksum", sound(has_valid_checksum(header)));
    }
    let (Some(start), Some(count), Some(entry_bytes), Some(checksum)) =
        (le64(header, 72), le32(header, 80), le32(header, 84), le32(header, 88))
    else {
        return;
    };
    let start = start.saturating_mul(sector as u64);
    let table_bytes = u64::from(count) * u64::from(entry_bytes);
    let wanted = usize::try_from(table_bytes).unwrap_or(usize::MAX);
    let table = stream.from(start, wanted);
    let is_complete = table.len() as u64 == table_bytes;
    let state = match is_complete {
        true => sound(crc32(table.iter().copied()) == checksum),
        false => "not checked: the table was not read completely",
    };
    details.text("table checksum", state);
    let entry_bytes = usize::try_from(entry_bytes).unwrap_or(usize::MAX);
    if entry_bytes < GPT_ENTRY_BYTES {
        return;
    }
    let mut used = table
        .chunks_exact(entry_bytes)
        .enumerate()
        .filter(|(_, entry)| entry.get(..16).is_some_and(|kind| kind != [0; 16]));
    let listed = used.by_ref().take(MAX_LISTED_PARTITIONS);
    let mut partitions: Vec<_> =
        listed.filter_map(|(n, entry)| gpt_partition(n + 1, entry, sector as u64)).collect();
    match used.count() {
        0 => {}
        others => partitions.push(format!("and {others} more")),
    }
    details.list("gpt partitions", partitions);
}

fn gpt_partition(number: usize, entry: &[u8], sector: u64) -> Option<String> {
    let kind = uuid_text(&swapped(bytes(entry, 0)?));
    let kind = GPT_TYPES.iter().find(|(guid, _)| *guid == kind).map_or(&*kind, |(_, name)| name);
    let (first, last) = (le64(entry, 32)?, le64(entry, 40)?);
    let sectors = last.checked_sub(first).and_then(|sectors| sectors.checked_add(1));
    let size = sectors.and_then(|sectors| sectors.checked_mul(sector));
    let size = size.map_or_else(|| "no size".to_owned(), short_size);
    let (units, _) = entry.get(56..GPT_ENTRY_BYTES)?.as_chunks();
    let name = wide(units.iter().map(|unit| u16::from_le_bytes(*unit)));
    let name = if name.is_empty() { name } else { format!(", \"{name}\"") };
    Some(format!("{number}: {kind}, {size} from sector {first}{name}"))
}

/// Whether the header continues after the seen part.
fn is_cut(stream: &Stream<'_>, header: &[u8]) -> bool {
    stream.has_cut_head() && (header.len() as u64) < SECTOR
}

/// Whether the checksum over the declared length of the header is correct.
fn has_valid_checksum(header: &[u8]) -> bool {
    let length = le32(header, 12).filter(|length| (GPT_HEADER_BYTES..=512).contains(length));
    let Some(bytes) = length.and_then(|length| header.get(..usize::try_from(length).ok()?)) else {
        return false;
    };
    le32(header, 16) == Some(crc32(without_field(bytes, 16)))
}

#[cfg(test)]
mod tests {
    use crate::checksum::crc32;
    use crate::{DetailValue, Detector};

    fn put(image: &mut [u8], offset: usize, bytes: &[u8]) {
        image[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// A disk of 1 MiB with a protective entry and `used` entries in a table of 128.
    fn disk(used: usize) -> Vec<u8> {
        let mut image = vec![0; 1 << 20];
        put(&mut image, 446, b"\x80\0\x02\0\xee\xff\xff\xff\x01\0\0\0\xff\x07\0\0");
        put(&mut image, 510, b"\x55\xaa");
        for n in 0..used {
            let at = 1024 + 128 * n;
            put(&mut image, at, b"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\0\xa0\xc9\x3e\xc9\x3b");
            put(&mut image, at + 32, &34u64.to_le_bytes());
            put(&mut image, at + 40, &97u64.to_le_bytes());
            put(&mut image, at + 56, b"E\0F\0I\0\x1b\0");
        }
        put(&mut image, 512, b"EFI PART\0\0\x01\0\x5c\0\0\0");
        put(&mut image, 512 + 32, &2047u64.to_le_bytes());
        put(&mut image, 512 + 72, &2u64.to_le_bytes());
        put(&mut image, 512 + 80, &128u32.to_le_bytes());
        put(&mut image, 512 + 84, &128u32.to_le_bytes());
        let table = crc32(image[1024..1024 + 128 * 128].iter().copied());
        put(&mut image, 512 + 88, &table.to_le_bytes());
        let header = crc32(image[512..512 + 92].iter().copied());
        put(&mut image, 512 + 16, &header.to_le_bytes());
        image
    }

    fn detail(image: &[u8], name: &str) -> Option<Vec<String>> {
        let mut detector = Detector::new();
        detector.push(image);
        let details = detector.finish().details;
        details.into_iter().find(|detail| detail.name == name).map(|detail| match detail.value {
            DetailValue::List(items) => items,
            DetailValue::Text(text) => vec![text],
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn partitions_are_listed_with_type_size_and_name() {
        let image = disk(2);
        let listed = detail(&image, "mbr partitions").unwrap();
        assert_eq!(listed, ["1: ee GPT, 1023.5 KiB from sector 1, active"]);
        let listed = detail(&image, "gpt partitions").unwrap();
        assert_eq!(listed[1], "2: EFI system, 32 KiB from sector 34, \"EFI\\u{1b}\"");
        for name in ["header checksum", "table checksum"] {
            assert_eq!(detail(&image, name).unwrap(), ["correct"], "{name}");
        }
    }

    #[test]
    fn changed_and_long_tables_are_marked() {
        let mut image = disk(100);
        let listed = detail(&image, "gpt partitions").unwrap();
        assert_eq!((listed.len(), listed[32].as_str()), (33, "and 68 more"));
        image[1024 + 56] = b'X';
        assert_eq!(detail(&image, "table checksum").unwrap(), ["wrong"]);
        // Boot code that only looks like entries.
        image[446] = 0xeb;
        assert_eq!(detail(&image, "mbr partitions"), None);
    }
}
