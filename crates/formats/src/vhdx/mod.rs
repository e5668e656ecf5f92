//! Hyper-V (`block/vhdx.c`): two headers, region tables at fixed offsets, and a table of metadata after the
//! first MiB, whose offset is in the region tables.

mod tables;

pub use tables::{
    BAT, FILE_PARAMETERS, Guid, HEADER_BYTES, HEADERS, LOGICAL_SECTOR, MAX_ENTRIES, METADATA,
    REGION_TABLE, TABLE_BYTES, VIRTUAL_DISK_SIZE, has_valid_checksum,
};

use crate::finding::{Finding, FindingId};
use crate::inspect::{CUT_OFF, Inspector, Seen, Stream};
use tables::{CurrentHeader, Metadata, Regions};

pub(crate) const MAGIC: &[u8] = b"vhdxfile";
/// Headers at 64 and 128 KiB, region tables at 192 and 256 KiB.
const TABLES: std::ops::Range<u64> = 64 << 10..320 << 10;
/// The creator in UTF-16, after the magic.
const CREATOR_BYTES: usize = 512;
/// The table of metadata, 64 KiB, and the 64 KiB after it with the items.
pub(crate) const METADATA_BYTES: usize = 128 << 10;

/// A Hyper-V disk.
pub(crate) struct Vhdx;

impl Inspector for Vhdx {
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen> {
        if !stream.head.starts_with(MAGIC) {
            return None;
        }
        let mut seen = Seen::new(0, 8);
        let creator = stream.from(8, CREATOR_BYTES).as_chunks().0.iter();
        let creator = creator.map(|unit| u16::from_le_bytes(*unit));
        seen.details.wide_field("creator", creator);
        if stream.lacks(Some(TABLES.end)) {
            seen.refuse(true, 0, CUT_OFF);
            return Some(seen);
        }
        let log = match CurrentHeader::read(stream) {
            Some(Ok(header)) => {
                header.judge(&mut seen);
                Some(header.log)
            }
            Some(Err(text)) => {
                seen.refuse(true, TABLES.start, text);
                None
            }
            None => None,
        };
        let regions = match Regions::read(stream, log) {
            Some(Ok(regions)) => regions,
            Some(Err(text)) => {
                seen.refuse(true, REGION_TABLE, text);
                return Some(seen);
            }
            None => return Some(not_seen(seen, REGION_TABLE)),
        };
        match Metadata::read(stream, regions.metadata.offset) {
            Some(Ok(metadata)) => metadata.judge(&mut seen, &regions),
            Some(Err(finding)) => seen.findings.push(finding),
            None if stream.lacks(Some(regions.metadata.offset.saturating_add(64 << 10))) => {
                seen.refuse(
                    true,
                    regions.metadata.offset,
                    "the metadata is after the end of the file",
                );
            }
            None if regions.metadata.offset < 1 << 20 => {
                seen.refuse(true, regions.metadata.offset, "the metadata overlaps the headers");
            }
            None => seen = not_seen(seen, regions.metadata.offset),
        }
        Some(seen)
    }

    fn wants(&self, stream: &Stream<'_>, asked: usize) -> Option<(u64, u64)> {
        if !stream.head.starts_with(MAGIC) {
            return None;
        }
        match asked {
            0 => Some((TABLES.start, TABLES.end - TABLES.start)),
            _ => {
                let offset = metadata_offset(stream)?;
                (offset >= 1 << 20).then_some((offset, METADATA_BYTES as u64))
            }
        }
    }
}

pub(crate) use tables::{metadata_offset, size_item};

fn not_seen(seen: Seen, offset: u64) -> Seen {
    let text = "its metadata, which contains the size, was not read";
    seen.with(Finding::info(FindingId::NotChecked, offset, text))
}

#[cfg(test)]
mod tests;
