//! Hyper-V (`block/vhdx.c`).

use imgpush_formats::on_disk::{SECTOR, bytes, le16, le32, le64};
use imgpush_formats::vhdx::{
    BAT, FILE_PARAMETERS, Guid, HEADER_BYTES, HEADERS, LOGICAL_SECTOR, MAX_ENTRIES, METADATA,
    REGION_TABLE, TABLE_BYTES, VIRTUAL_DISK_SIZE, has_valid_checksum,
};

use super::header::{cut, part};
use super::layout::{Content, Extent, Layout};
use super::pages::{Pages, Table};
use crate::error::{ConvertError, RefusalReason};
use crate::input::Input;

/// Bytes of a sector of the log, and the signature of an entry.
const LOG_SECTOR: usize = 4096;
const LOG_ENTRY: &[u8] = b"loge";
/// The largest log that is searched for entries.
const MAX_LOG_BYTES: u32 = 64 << 20;

/// Bits of an entry: the state, and the offset in the image in units of 1 MiB.
const STATE: u64 = 7;
const OFFSET: u64 = !((1 << 20) - 1);

/// The layout of a VHDX.
pub(crate) struct Vhdx {
    size: u64,
    block_bytes: u64,
    /// Payload entries between two entries of sector bitmaps.
    chunk_ratio: u64,
    bat: Table,
    /// The parts of the image that hold no blocks. As in qemu, the headers are not among them.
    reserved: [Region; 3],
    pages: Pages,
}

#[derive(Clone, Copy)]
struct Region {
    offset: u64,
    length: u64,
}

impl Vhdx {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let log = current_header(input)?;
        let [bat, metadata] = regions(input)?;
        let parameters = item(input, metadata, FILE_PARAMETERS, 8)?;
        let size = item(input, metadata, VIRTUAL_DISK_SIZE, 8)?;
        let sector = item(input, metadata, LOGICAL_SECTOR, 4)?;
        let (Some(block), Some(flags), Some(size), Some(sector)) =
            (le32(&parameters, 0), le32(&parameters, 4), le64(&size, 0), le32(&sector, 0))
        else {
            return Err(cut(metadata.offset));
        };
        if flags & 2 != 0 {
            let text = "it is a differencing disk and needs its parent";
            return Err(ConvertError::refused(RefusalReason::BackingFile, metadata.offset, text));
        }
        let is_sound = block.is_power_of_two() && (1 << 20..=256 << 20).contains(&block);
        if !is_sound || u64::from(sector) != SECTOR {
            let text =
                format!("blocks of {block} bytes or sectors of {sector} bytes are not valid");
            return Err(ConvertError::invalid_header(metadata.offset, text));
        }
        let block_bytes = u64::from(block);
        Ok(Vhdx {
            size: size / SECTOR * SECTOR,
            block_bytes,
            chunk_ratio: (SECTOR << 23) / block_bytes,
            bat: Table { offset: bat.offset, length: bat.length },
            reserved: [log, bat, metadata],
            pages: Pages::default(),
        })
    }

    fn stored(&self, at: u64, host: u64) -> Result<Content, ConvertError> {
        let end = host.saturating_add(self.block_bytes);
        let overlaps = |region: &Region| {
            host < region.offset.saturating_add(region.length) && region.offset < end
        };
        if self.reserved.iter().any(overlaps) {
            let what = format!("the block at byte {host} overlaps the log or a table");
            return Err(ConvertError::damaged(at, what));
        }
        Ok(Content::Stored(host))
    }
}

impl Layout for Vhdx {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let (block, inside) = (guest / self.block_bytes, guest % self.block_bytes);
        let index = block + block / self.chunk_ratio;
        let entry = u64::from_le_bytes(self.pages.entry(input, self.bat, index)?);
        let at = self.bat.offset.saturating_add(index * 8);
        let content = match entry & STATE {
            // Not present, undefined.
            0 | 1 => Content::Hole,
            // Zeros, and unmapped blocks.
            2 | 3 | 5 => Content::Zero,
            6 => match self.stored(at, entry & OFFSET)? {
                Content::Stored(host) => Content::Stored(host.saturating_add(inside)),
                other => other,
            },
            state => {
                let what = format!("the state {state} of block {block} is not valid");
                return Err(ConvertError::damaged(at, what));
            }
        };
        Ok(Extent::new(self.block_bytes - inside, content))
    }
}

/// Returns the region of the log of the current header.
///
/// # Errors
///
/// No header is valid, or the log has entries to be replayed.
fn current_header(input: &mut dyn Input) -> Result<Region, ConvertError> {
    let mut current: Option<(u64, Vec<u8>)> = None;
    for offset in HEADERS {
        let header = part(input, offset, HEADER_BYTES)?;
        let is_valid = header.len() == HEADER_BYTES
            && header.starts_with(b"head")
            && le16(&header, 66) == Some(1)
            && has_valid_checksum(&header);
        let sequence = le64(&header, 8).filter(|_| is_valid);
        let Some(sequence) = sequence else { continue };
        if current.as_ref().is_none_or(|(other, _)| *other < sequence) {
            current = Some((sequence, header));
        }
    }
    let no_header = || ConvertError::invalid_header(HEADERS[0], "neither header is valid");
    let (_, header) = current.ok_or_else(no_header)?;
    let (Some(guid), Some(length), Some(offset)) =
        (bytes::<16>(&header, 48), le32(&header, 68), le64(&header, 72))
    else {
        return Err(no_header());
    };
    if guid != [0; 16] && has_entries(input, offset, length, &guid)? {
        let text = "its log must be replayed first; run `qemu-img check -r all` on a copy of it";
        return Err(ConvertError::refused(RefusalReason::Log, offset, text));
    }
    Ok(Region { offset, length: length.into() })
}

/// Whether the log has an entry with this GUID.
fn has_entries(
    input: &mut dyn Input,
    offset: u64,
    length: u32,
    guid: &Guid,
) -> Result<bool, ConvertError> {
    if length > MAX_LOG_BYTES {
        return Ok(true);
    }
    for at in (0..u64::from(length)).step_by(TABLE_BYTES) {
        let log = part(input, offset.saturating_add(at), TABLE_BYTES)?;
        let mut sectors = log.chunks(LOG_SECTOR);
        if sectors.any(|entry| entry.starts_with(LOG_ENTRY) && bytes(entry, 32) == Some(*guid)) {
            return Ok(true);
        }
        if log.len() < TABLE_BYTES {
            break;
        }
    }
    Ok(false)
}

/// The regions of the block table and the metadata.
fn regions(input: &mut dyn Input) -> Result<[Region; 2], ConvertError> {
    let table = part(input, REGION_TABLE, TABLE_BYTES)?;
    let find = |name: Guid| {
        let count = usize::try_from(le32(&table, 8)?).ok()?.min(MAX_ENTRIES);
        let mut entries = table.get(16..)?.chunks_exact(32).take(count);
        let entry = entries.find(|entry| entry.starts_with(&name))?;
        Some(Region { offset: le64(entry, 16)?, length: le32(entry, 24)?.into() })
    };
    match (find(BAT), find(METADATA)) {
        (Some(bat), Some(metadata)) => Ok([bat, metadata]),
        _ => Err(ConvertError::invalid_header(REGION_TABLE, "it has no block table or metadata")),
    }
}

/// The value of a metadata item.
fn item(
    input: &mut dyn Input,
    metadata: Region,
    name: Guid,
    length: usize,
) -> Result<Vec<u8>, ConvertError> {
    let missing = || ConvertError::invalid_header(metadata.offset, "a metadata item is missing");
    let table = part(input, metadata.offset, TABLE_BYTES)?;
    let count = usize::from(le16(&table, 10).unwrap_or(0)).min(MAX_ENTRIES);
    let mut entries = table.get(32..).unwrap_or_default().chunks_exact(32).take(count);
    let entry = entries.find(|entry| entry.starts_with(&name)).ok_or_else(missing)?;
    let offset = le32(entry, 16).ok_or_else(missing)?;
    let at = metadata.offset.checked_add(offset.into()).ok_or_else(missing)?;
    part(input, at, length)
}
