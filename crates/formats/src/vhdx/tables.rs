//! Headers, regions and metadata.

use crate::checksum::crc32c;
use crate::finding::{Finding, FindingId};
use crate::inspect::{Seen, Stream};
use crate::on_disk::{MAX_OFFSET, SECTOR, bytes, le16, le32, le64, without_field};

/// The offset of the region table, in bytes.
pub const REGION_TABLE: u64 = 192 << 10;
/// Bytes of the region table, and of the table of metadata.
pub const TABLE_BYTES: usize = 64 << 10;
/// The offsets of the two headers, in bytes.
pub const HEADERS: [u64; 2] = [64 << 10, 128 << 10];
/// Bytes of a header that its checksum covers.
pub const HEADER_BYTES: usize = 4096;
/// Entries of either table; more do not fit 64 KiB.
pub const MAX_ENTRIES: usize = 2047;

/// A GUID as stored.
pub type Guid = [u8; 16];
/// The region of the block table.
pub const BAT: Guid = guid(0x2dc2_7766, 0xf623, 0x4200, 0x9d64_115e_9bfd_4a08);
/// The region of the metadata.
pub const METADATA: Guid = guid(0x8b7c_a206, 0x4790, 0x4b9a, 0xb8fe_575f_050f_886e);
/// The item with the size of blocks.
pub const FILE_PARAMETERS: Guid = guid(0xcaa1_6737, 0xfa36, 0x4d43, 0xb3b6_33f0_aa44_e76b);
/// The item with the size of the disk.
pub const VIRTUAL_DISK_SIZE: Guid = guid(0x2fa5_4224, 0xcd1b, 0x4876, 0xb211_5dbe_d83b_f4b8);
/// The item with the size of sectors.
pub const LOGICAL_SECTOR: Guid = guid(0x8141_bf1d, 0xa96f, 0x4709, 0xba47_f233_a8fa_ab5f);
const PHYSICAL_SECTOR: Guid = guid(0xcda3_48c7, 0x445d, 0x4471, 0x9cc9_e988_5251_c556);
const PAGE_83: Guid = guid(0xbeca_12ab, 0xb2e6, 0x4523, 0x93ef_c309_e000_c746);
const PARENT_LOCATOR: Guid = guid(0xa8d3_5f2d, 0xb30b, 0x454d, 0xabf7_d3d8_4834_ab0c);

/// In Windows' byte order: the first three numbers little-endian, the rest in written order.
const fn guid(first: u32, second: u16, third: u16, rest: u64) -> Guid {
    let (a, b, c, d) =
        (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes(), rest.to_be_bytes());
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]]
}

/// Whether the structure has the correct checksum at offset 4.
#[must_use]
pub fn has_valid_checksum(bytes: &[u8]) -> bool {
    le32(bytes, 4) == Some(crc32c(without_field(bytes, 4)))
}

/// The current one of the two headers.
pub(super) struct CurrentHeader {
    log_guid: Guid,
    log_version: u16,
    pub(super) log: Region,
}

/// The log is a multiple of this long and at a multiple of it.
const LOG_UNIT: u32 = 1 << 20;

impl CurrentHeader {
    /// The valid header with the higher sequence number; `None` if they were not seen.
    pub(super) fn read(stream: &Stream<'_>) -> Option<Result<Self, &'static str>> {
        let mut valid = Vec::with_capacity(HEADERS.len());
        for offset in HEADERS {
            let header = stream.at(offset, HEADER_BYTES)?;
            let is_valid = header.starts_with(b"head")
                && le16(header, 66) == Some(1)
                && has_valid_checksum(header);
            valid.extend(is_valid.then_some(header));
        }
        let sequence = |header: &&[u8]| le64(header, 8);
        let current = match valid[..] {
            [] => return Some(Err("neither header is valid")),
            [first, second] if sequence(&first) == sequence(&second) && first != second => {
                return Some(Err("two headers have the same sequence number"));
            }
            _ => valid.into_iter().max_by_key(sequence)?,
        };
        let log = Region { offset: le64(current, 72)?, length: le32(current, 68)? };
        let (log_guid, log_version) = (bytes(current, 48)?, le16(current, 64)?);
        Some(Ok(CurrentHeader { log_guid, log_version, log }))
    }

    /// What `vhdx_parse_log` of qemu checks, whether there is a log or not.
    pub(super) fn judge(&self, seen: &mut Seen) {
        let Region { offset, length } = self.log;
        let unit = u64::from(LOG_UNIT);
        let is_misplaced = offset < unit || !offset.is_multiple_of(unit);
        seen.refuse(is_misplaced, HEADERS[0] + 72, "the log is not at a multiple of 1 MiB");
        seen.refuse(self.log_version != 0, HEADERS[0] + 64, "the log has an unknown version");
        if self.log_guid != [0; 16] && length != 0 {
            let is_uneven = !length.is_multiple_of(LOG_UNIT);
            seen.refuse(
                is_uneven,
                HEADERS[0] + 68,
                "the length of the log is not a multiple of 1 MiB",
            );
            let text = "it has a log; if the log is not empty, qemu requires `qemu-img check -r all` first";
            seen.warn(true, FindingId::NotClosed, HEADERS[0] + 48, text);
        }
    }
}

/// A part of the file.
#[derive(Clone, Copy)]
pub(super) struct Region {
    pub(super) offset: u64,
    length: u32,
}

impl Region {
    fn overlaps(self, other: Region) -> bool {
        // As qemu computes it, which wraps around.
        let end = |region: Region| region.offset.wrapping_add(u64::from(region.length));
        self.offset < end(other) && other.offset < end(self)
    }
}

/// The regions that qemu needs, from the first table; it does not read the second.
pub(super) struct Regions {
    bat: Region,
    pub(super) metadata: Region,
}

impl Regions {
    /// `None` if the table was not seen. No region may overlap another one or the log.
    pub(super) fn read(
        stream: &Stream<'_>,
        log: Option<Region>,
    ) -> Option<Result<Self, &'static str>> {
        let table = stream.at(REGION_TABLE, TABLE_BYTES)?;
        if !table.starts_with(b"regi") || !has_valid_checksum(table) {
            return Some(Err("the region table has no valid checksum"));
        }
        let count = usize::try_from(le32(table, 8)?).ok()?;
        if count > MAX_ENTRIES {
            return Some(Err("the region table has more entries than fit"));
        }
        let (mut bat, mut metadata) = (None, None);
        let mut places = Vec::from_iter(log);
        for entry in entries(table).take(count) {
            let region = Region { offset: le64(entry, 16)?, length: le32(entry, 24)? };
            if places.iter().any(|other| region.overlaps(*other)) {
                return Some(Err("regions overlap"));
            }
            places.push(region);
            let place = match bytes(entry, 0)? {
                BAT => &mut bat,
                METADATA => &mut metadata,
                _ if le32(entry, 28)? & 1 != 0 => {
                    return Some(Err("it needs a region that qemu does not know"));
                }
                _ => continue,
            };
            if place.replace(region).is_some() {
                return Some(Err("a region is there twice"));
            }
        }
        let (Some(bat), Some(metadata)) = (bat, metadata) else {
            return Some(Err("it has no block table or no metadata"));
        };
        Some(Ok(Regions { bat, metadata }))
    }
}

/// The entries of a region table, used or not.
fn entries(table: &[u8]) -> std::slice::ChunksExact<'_, u8> {
    table.get(16..).unwrap_or_default().chunks_exact(32)
}

/// The offset of the metadata in the first table, without checking it.
pub(crate) fn metadata_offset(stream: &Stream<'_>) -> Option<u64> {
    let table = stream.at(REGION_TABLE, TABLE_BYTES)?;
    let count = usize::try_from(le32(table, 8)?).ok()?.min(MAX_ENTRIES);
    let entry = entries(table).take(count).find(|entry| entry.starts_with(&METADATA))?;
    le64(entry, 16)
}

/// The offset of the item with the disk's size in the metadata, and its length.
pub(crate) fn size_item(metadata: &[u8]) -> Option<(u32, u32)> {
    let item = items(metadata).find(|item| item.guid == VIRTUAL_DISK_SIZE)?;
    Some((item.offset, item.length))
}

#[derive(Clone, Copy)]
struct Item {
    guid: Guid,
    /// Relative to the start of the metadata.
    offset: u32,
    length: u32,
    is_required: bool,
}

fn items(metadata: &[u8]) -> impl Iterator<Item = Item> + '_ {
    let count = usize::from(le16(metadata, 10).unwrap_or(0)).min(MAX_ENTRIES);
    let entries = metadata.get(32..).unwrap_or_default().chunks_exact(32).take(count);
    entries.filter_map(|entry| {
        Some(Item {
            guid: bytes(entry, 0)?,
            offset: le32(entry, 16)?,
            length: le32(entry, 20)?,
            is_required: le32(entry, 24)? & 4 != 0,
        })
    })
}

/// The items that qemu needs.
pub(super) struct Metadata {
    offset: u64,
    block_bytes: u32,
    is_fixed: bool,
    has_parent: bool,
    size: u64,
    logical_sector: u32,
    physical_sector: Option<u32>,
    /// The identifier of the disk that a machine sees.
    page_83: Option<Guid>,
    unknown: bool,
}

impl Metadata {
    /// `None` if it was not seen.
    pub(super) fn read(stream: &Stream<'_>, offset: u64) -> Option<Result<Self, Finding>> {
        let table = stream.at(offset, TABLE_BYTES)?;
        let refused = |text: &str| {
            Some(Err(Finding::fatal(FindingId::CorruptHeader, offset, text).stopping_qemu()))
        };
        if !table.starts_with(b"metadata") {
            return refused("the metadata is not at the offset in the region table");
        }
        if usize::from(le16(table, 10)?) > MAX_ENTRIES {
            return refused("the metadata has too many entries");
        }
        let mut parts: [Option<Item>; 5] = [None; 5];
        let names = [FILE_PARAMETERS, VIRTUAL_DISK_SIZE, LOGICAL_SECTOR, PHYSICAL_SECTOR, PAGE_83];
        let mut unknown = false;
        for item in items(table) {
            let mut places = names.iter().zip(&mut parts);
            match places.find(|(name, _)| **name == item.guid) {
                Some((_, part)) => {
                    if part.replace(item).is_some() {
                        return refused("a metadata item occurs twice");
                    }
                }
                None => unknown |= item.guid != PARENT_LOCATOR && item.is_required,
            }
        }
        let [Some(parameters), Some(size), Some(logical), Some(physical), Some(page_83)] = parts
        else {
            return refused("a metadata item that qemu needs is missing");
        };
        let value = |item: Item| {
            let at = offset.checked_add(u64::from(item.offset))?;
            Some((stream.at(at, 8).or_else(|| stream.at(at, 4))?, item.offset))
        };
        let (Some((parameters, _)), Some((size, _)), Some((logical, _))) =
            (value(parameters), value(size), value(logical))
        else {
            let text = "a metadata item is too far after its table and was not checked";
            return Some(Err(Finding::info(FindingId::NotChecked, offset, text)));
        };
        let (Some(flags), Some(size)) = (le32(parameters, 4), le64(size, 0)) else {
            return refused("a metadata item is truncated");
        };
        Some(Ok(Metadata {
            offset,
            block_bytes: le32(parameters, 0)?,
            is_fixed: flags & 1 != 0,
            has_parent: flags & 2 != 0,
            size,
            logical_sector: le32(logical, 0)?,
            physical_sector: value(physical).and_then(|(sector, _)| le32(sector, 0)),
            page_83: offset
                .checked_add(page_83.offset.into())
                .and_then(|at| bytes(stream.at(at, 16)?, 0)),
            unknown,
        }))
    }

    pub(super) fn judge(&self, seen: &mut Seen, regions: &Regions) {
        let (at, block, sector) = (self.offset, self.block_bytes, self.logical_sector);
        seen.virtual_size = Some(self.size / SECTOR * SECTOR);
        let variant = match (self.has_parent, self.is_fixed) {
            (true, _) => "differencing",
            (false, true) => "fixed",
            (false, false) => "dynamic",
        };
        seen.variant = Some(variant.to_owned());
        seen.details.bytes("block size", block);
        seen.details.bytes("logical sector", sector);
        if let Some(physical) = self.physical_sector {
            seen.details.bytes("physical sector", physical);
        }
        seen.details.guid("disk guid", self.page_83.as_ref().map(|guid| &guid[..]));
        if self.has_parent {
            let text = "it is a differencing disk and needs its parent";
            seen.findings.push(Finding::fatal(FindingId::BackingFile, at, text).stopping_qemu());
        }
        if self.unknown {
            let text = "it requires a metadata item that qemu does not support";
            seen.findings
                .push(Finding::fatal(FindingId::UnknownFeatures, at, text).stopping_qemu());
        }
        let text = format!("a disk of {} bytes is not valid", self.size);
        seen.refuse(self.size > MAX_OFFSET, at, text);
        seen.refuse(
            sector != 512,
            at,
            format!("logical sectors of {sector} bytes are not supported"),
        );
        let is_sound = block.is_power_of_two() && (1 << 20..=256 << 20).contains(&block);
        seen.refuse(!is_sound, at, format!("blocks of {block} bytes are not valid"));
        let bat_end = regions.bat.offset.checked_add(u64::from(regions.bat.length));
        let is_far = bat_end.is_none_or(|end| end > MAX_OFFSET);
        seen.refuse(is_far, at, "the block table ends after the last offset that qemu can read");
        if is_sound && sector == 512 {
            // qemu computes in 32 bits: a disk without blocks wraps around and is refused.
            let blocks = self.size.div_ceil(u64::from(block)) as u32;
            // The number of blocks between two bitmap entries.
            let chunk = ((u64::from(sector) << 23) / u64::from(block)) as u32;
            let entries = blocks.wrapping_add(blocks.wrapping_sub(1) / chunk);
            let text = format!("the block table is too short for {blocks} blocks");
            seen.refuse(entries > regions.bat.length / 8, at, text);
        }
    }
}
