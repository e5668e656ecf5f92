//! A stream-optimized VMDK that is read once, by its markers. Its grain directory is at the end, but its grains
//! are in the order of the disk.
//!
//! The grain tables follow the grains that they list. They are compared, so that the disk is the same as with
//! random access.

use std::collections::VecDeque;

use imgpush_formats::on_disk::{SECTOR, le32, le64};

use super::header::{cut, part};
use super::layout::{Codec, CompressedCluster, Content, Extent, Layout};
use super::vmdk::{HEADER_BYTES, MARKER_BYTES, SparseHeader};
use crate::error::ConvertError;
use crate::input::{Input, Reuse};

/// Types of markers without a grain.
const END_OF_STREAM: u32 = 0;
const GRAIN_TABLE: u32 = 1;
const GRAIN_DIRECTORY: u32 = 2;
const FOOTER: u32 = 3;

/// The entry of a grain of zeros, if the header has the flag.
const ZEROED: u32 = 1;

/// The layout of the rest of a stream.
pub(crate) struct Markers {
    size: u64,
    grain_bytes: u64,
    table_entries: u64,
    has_zero_grains: bool,
    start: u64,
    /// The offset of the next marker.
    at: u64,
    grain: Option<Grain>,
    /// Grains that no table has listed yet.
    unlisted: VecDeque<Listed>,
    is_ended: bool,
}

#[derive(Clone, Copy)]
struct Grain {
    number: u64,
    host: u64,
    stored: u64,
}

/// A grain, and the sector of its marker.
#[derive(Clone, Copy)]
struct Listed {
    number: u64,
    sector: u64,
}

/// A marker: a grain has data, others have a type.
enum Marker {
    Grain { sector: u64, length: u64 },
    Other { kind: u32, sectors: u64 },
}

impl Markers {
    /// `None` if the grain directory is not at the end.
    pub(crate) fn open(input: &mut dyn Input) -> Result<Option<Self>, ConvertError> {
        let head = part(input, 0, HEADER_BYTES)?;
        let header = SparseHeader::read(&head).ok_or_else(|| cut(0))?;
        if !header.has_markers_only() {
            return Ok(None);
        }
        let geometry = header.geometry()?;
        let start = le64(&head, 64).and_then(|sectors| sectors.checked_mul(SECTOR));
        let start = start.filter(|start| *start >= SECTOR).ok_or_else(|| {
            ConvertError::invalid_header(64, "the start of its data is not valid")
        })?;
        Ok(Some(Markers {
            size: geometry.size,
            grain_bytes: geometry.grain_bytes,
            table_entries: geometry.table_entries,
            has_zero_grains: header.has_zero_grains(),
            start,
            at: start,
            grain: None,
            unlisted: VecDeque::new(),
            is_ended: false,
        }))
    }

    /// Moves to the grain that contains `guest`, or to the first one after it.
    fn find(&mut self, guest: u64, input: &mut dyn Input) -> Result<Option<Grain>, ConvertError> {
        let wanted = guest / self.grain_bytes;
        while !self.is_ended && self.grain.is_none_or(|grain| grain.number < wanted) {
            self.step(input)?;
        }
        Ok(self.grain.filter(|grain| grain.number >= wanted))
    }

    fn step(&mut self, input: &mut dyn Input) -> Result<(), ConvertError> {
        match self.marker(input)? {
            Marker::Grain { sector, length } => self.add(sector, length),
            Marker::Other { kind: END_OF_STREAM, .. } => {
                let what = "the stream ends without a footer";
                Err(ConvertError::damaged(self.at, what))
            }
            Marker::Other { kind: FOOTER, .. } => self.end(input),
            Marker::Other { kind: GRAIN_TABLE, .. } => self.table(input),
            Marker::Other { kind: GRAIN_DIRECTORY, sectors } => {
                let length = sectors.checked_add(1).and_then(|n| n.checked_mul(SECTOR));
                let at = length.and_then(|length| self.at.checked_add(length));
                self.at = at.ok_or_else(|| invalid(self.at))?;
                Ok(())
            }
            Marker::Other { .. } => Err(invalid(self.at)),
        }
    }

    fn marker(&self, input: &mut dyn Input) -> Result<Marker, ConvertError> {
        let mut bytes = [0; 16];
        let count = input.read(self.at, &mut bytes, Reuse::Edges)?;
        let bytes = bytes.get(..count).unwrap_or_default();
        match (le64(bytes, 0), le32(bytes, 8), le32(bytes, 12)) {
            (Some(sectors), Some(0), Some(kind)) => Ok(Marker::Other { kind, sectors }),
            (Some(sector), Some(length), _) if length > 0 => {
                Ok(Marker::Grain { sector, length: length.into() })
            }
            _ => Err(ConvertError::truncated("a marker", self.at, SECTOR)),
        }
    }

    fn add(&mut self, sector: u64, length: u64) -> Result<(), ConvertError> {
        let guest = sector.checked_mul(SECTOR).ok_or_else(|| invalid(self.at))?;
        let number = guest / self.grain_bytes;
        let is_after = self.grain.is_none_or(|before| before.number < number);
        if guest % self.grain_bytes != 0 || !is_after {
            let what = "the grains are not in the order of the disk; convert it from a file";
            return Err(ConvertError::damaged(self.at, what));
        }
        if length > 2 * self.grain_bytes {
            let what = format!("a compressed grain of {length} bytes is too large");
            return Err(ConvertError::damaged(self.at, what));
        }
        let host = self.at.saturating_add(MARKER_BYTES);
        self.unlisted.push_back(Listed { number, sector: self.at / SECTOR });
        // Grains of more than two tables wait only if the tables are missing.
        if self.unlisted.len() as u64 > 2 * self.table_entries {
            let what = "the tables of its grains are missing; convert it from a file";
            return Err(ConvertError::damaged(self.at, what));
        }
        self.grain = Some(Grain { number, host, stored: length });
        let end = host.saturating_add(length).checked_next_multiple_of(SECTOR);
        self.at = end.ok_or_else(|| invalid(self.at))?;
        Ok(())
    }

    /// Compares a table with the grains since the last one.
    fn table(&mut self, input: &mut dyn Input) -> Result<(), ConvertError> {
        let at = self.at + SECTOR;
        let mut table = vec![0; usize::try_from(self.table_entries * 4).unwrap_or_default()];
        let count = input.read(at, &mut table, Reuse::Edges)?;
        if count < table.len() {
            return Err(ConvertError::truncated("a grain table", at, table.len() as u64));
        }
        let number = self.unlisted.front().map(|grain| grain.number / self.table_entries);
        for (index, entry) in table.as_chunks().0.iter().enumerate() {
            let entry = u32::from_le_bytes(*entry);
            let is_empty = entry == 0 || (entry == ZEROED && self.has_zero_grains);
            let listed = self.unlisted.front().copied().filter(|grain| {
                number == Some(grain.number / self.table_entries)
                    && grain.number % self.table_entries == index as u64
            });
            let is_same = match listed {
                Some(grain) => u64::from(entry) == grain.sector,
                None => is_empty,
            };
            if !is_same {
                let what = "a grain table lists other grains than those before it";
                return Err(ConvertError::damaged(at + 4 * index as u64, what));
            }
            if listed.is_some() {
                self.unlisted.pop_front();
            }
        }
        let length = (self.table_entries * 4).next_multiple_of(SECTOR);
        self.at = at.saturating_add(length);
        Ok(())
    }

    /// Compares the footer with the header.
    fn end(&mut self, input: &mut dyn Input) -> Result<(), ConvertError> {
        let at = self.at + SECTOR;
        let footer = part(input, at, HEADER_BYTES)?;
        let footer = SparseHeader::read(&footer).ok_or_else(|| cut(at))?;
        let geometry = footer.geometry()?;
        if geometry.size != self.size || geometry.grain_bytes != self.grain_bytes {
            let what = "the footer declares another size than the header; convert it from a file";
            return Err(ConvertError::damaged(at, what));
        }
        if !self.unlisted.is_empty() {
            return Err(ConvertError::damaged(self.at, "grains are in no table"));
        }
        self.is_ended = true;
        Ok(())
    }
}

fn invalid(at: u64) -> ConvertError {
    ConvertError::damaged(at, "a marker is invalid")
}

impl Layout for Markers {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let inside = guest % self.grain_bytes;
        let Some(grain) = self.find(guest, input)? else {
            return Ok(Extent::new(self.size - guest, Content::Hole));
        };
        let start = grain.number.saturating_mul(self.grain_bytes);
        if start > guest {
            return Ok(Extent::new(start - guest, Content::Hole));
        }
        let Grain { host, stored, .. } = grain;
        let (unpacked, codec) = (self.grain_bytes, Codec::Zlib);
        let cluster = CompressedCluster { host, stored, unpacked, skip: inside, codec };
        Ok(Extent::new(self.grain_bytes - inside, Content::Compressed(cluster)))
    }

    fn compressed_bytes(&self) -> u64 {
        self.grain_bytes
    }

    fn restart(&mut self) {
        self.at = self.start;
        self.grain = None;
        self.unlisted.clear();
        self.is_ended = false;
    }

    /// Follows the markers to the footer.
    fn finish(&mut self, input: &mut dyn Input) -> Result<(), ConvertError> {
        while !self.is_ended {
            self.step(input)?;
            let last = self.grain.map_or(0, |grain| grain.number.saturating_mul(self.grain_bytes));
            if last >= self.size && last > 0 {
                return Err(ConvertError::damaged(self.at, "a grain is after the end of the disk"));
            }
        }
        Ok(())
    }
}
