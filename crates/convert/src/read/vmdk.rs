//! VMware sparse extents in one file (`block/vmdk.c`): monolithicSparse and streamOptimized.

use imgpush_formats::on_disk::{SECTOR, bytes, le16, le32, le64};

use super::header::{cut, part};
use super::layout::{Codec, CompressedCluster, Content, Extent, Layout};
use super::pages::{Pages, Table};
use crate::error::{ConvertError, RefusalReason};
use crate::input::{Input, Reuse};

const MAGIC: &[u8] = b"KDMV";
pub(super) const HEADER_BYTES: usize = 512;
/// Footer marker, copy of the header, end-of-stream marker.
const FOOTER_BYTES: u64 = 3 * SECTOR;
const GD_AT_END: u64 = u64::MAX;
const MAX_GRAIN_SECTORS: u64 = 0x20_0000;
const FLAG_ZERO_GRAIN: u32 = 1 << 2;
const FLAG_MARKERS: u32 = 1 << 17;
const DEFLATE: u16 = 1;
/// The entry of a grain of zeros, if the header has the flag.
const ZEROED: u32 = 1;
/// The marker before a compressed grain: its sector, and the length of its data.
pub(super) const MARKER_BYTES: u64 = 12;

/// The layout of a sparse extent.
pub(crate) struct Vmdk {
    size: u64,
    grain_bytes: u64,
    table_entries: u64,
    has_zero_grains: bool,
    is_compressed: bool,
    has_markers: bool,
    directory: Table,
    pages: Pages,
}

/// The header, or the footer that replaces it.
pub(super) struct SparseHeader {
    flags: u32,
    capacity: u64,
    grain: u64,
    table_entries: u32,
    directory: u64,
    compression: u16,
}

impl SparseHeader {
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        Some(SparseHeader {
            flags: le32(head, 8)?,
            capacity: le64(head, 12)?,
            grain: le64(head, 20)?,
            table_entries: le32(head, 44)?,
            directory: le64(head, 56)?,
            compression: le16(head, 77)?,
        })
    }

    /// Whether the grain directory is found only through the footer, and grains only by their markers.
    pub(super) fn has_markers_only(&self) -> bool {
        self.directory == GD_AT_END
            && self.flags & FLAG_MARKERS != 0
            && self.compression == DEFLATE
            && self.capacity > 0
    }

    pub(super) fn has_zero_grains(&self) -> bool {
        self.flags & FLAG_ZERO_GRAIN != 0
    }

    pub(super) fn geometry(&self) -> Result<GrainGeometry, ConvertError> {
        let (grain, entries) = (self.grain, self.table_entries);
        if grain == 0 || grain > MAX_GRAIN_SECTORS || entries == 0 || entries > 512 {
            let text = format!("grains of {grain} sectors in tables of {entries} are not valid");
            return Err(ConvertError::invalid_header(20, text));
        }
        let size = self.capacity.checked_mul(SECTOR);
        let invalid = || ConvertError::invalid_header(12, "its size is not valid");
        Ok(GrainGeometry {
            size: size.ok_or_else(invalid)?,
            grain_bytes: grain * SECTOR,
            table_entries: entries.into(),
        })
    }
}

/// Sizes in bytes, and the entries of a grain table.
pub(super) struct GrainGeometry {
    pub(super) size: u64,
    pub(super) grain_bytes: u64,
    pub(super) table_entries: u64,
}

impl Vmdk {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let head = part(input, 0, HEADER_BYTES)?;
        if !head.starts_with(MAGIC) {
            let text = "only sparse extents with their data in the same file are supported";
            return Err(ConvertError::refused(RefusalReason::ExternalData, 0, text));
        }
        let mut header = SparseHeader::read(&head).ok_or_else(|| cut(0))?;
        if header.capacity == 0 && le64(&head, 28).is_some_and(|descriptor| descriptor != 0) {
            let text = "it contains only a descriptor; the data is in other files";
            return Err(ConvertError::refused(RefusalReason::ExternalData, 12, text));
        }
        if header.directory == GD_AT_END {
            header = footer(input)?;
        }
        Vmdk::new(&header)
    }

    fn new(header: &SparseHeader) -> Result<Self, ConvertError> {
        let GrainGeometry { size, grain_bytes, table_entries } = header.geometry()?;
        let tables = size.div_ceil(grain_bytes * table_entries);
        let offset = header.directory.checked_mul(SECTOR).ok_or_else(|| {
            ConvertError::invalid_header(56, "the offset of its grain directory is not valid")
        })?;
        Ok(Vmdk {
            size,
            grain_bytes,
            table_entries,
            has_zero_grains: header.has_zero_grains(),
            is_compressed: header.compression == DEFLATE,
            has_markers: header.flags & FLAG_MARKERS != 0,
            directory: Table { offset, length: tables.saturating_mul(4) },
            pages: Pages::default(),
        })
    }

    /// The compressed grain at `host`.
    fn grain(
        &self,
        host: u64,
        inside: u64,
        input: &mut dyn Input,
    ) -> Result<CompressedCluster, ConvertError> {
        // qemu reads no more than this, with the marker.
        let most = 2 * self.grain_bytes;
        let (host, stored) = if self.has_markers {
            let mut marker = [0; MARKER_BYTES as usize];
            let count = input.read(host, &mut marker, Reuse::Edges)?;
            let length = bytes(&marker, 8).map(u32::from_le_bytes).map(u64::from);
            let length = length.filter(|_| count == marker.len());
            let length =
                length.ok_or_else(|| ConvertError::truncated("a grain", host, MARKER_BYTES))?;
            if length > most {
                let what = format!("a compressed grain of {length} bytes is too large");
                return Err(ConvertError::damaged(host, what));
            }
            (host.saturating_add(MARKER_BYTES), length)
        } else {
            (host, most)
        };
        let codec = Codec::Zlib;
        Ok(CompressedCluster { host, stored, unpacked: self.grain_bytes, skip: inside, codec })
    }
}

/// The header in the footer.
fn footer(input: &mut dyn Input) -> Result<SparseHeader, ConvertError> {
    let size = input.size().ok_or_else(|| {
        let text = "its tables are found through its footer, at the end of the pipe";
        ConvertError::refused(RefusalReason::NeedsEnd, 56, text)
    })?;
    let at = (size / SECTOR * SECTOR).saturating_sub(FOOTER_BYTES);
    let sectors = part(input, at, usize::try_from(FOOTER_BYTES).unwrap_or_default())?;
    let header = sectors.get(512..).filter(|header| header.starts_with(MAGIC));
    header
        .and_then(SparseHeader::read)
        .filter(|header| header.directory != GD_AT_END)
        .ok_or_else(|| ConvertError::invalid_header(at, "there is no valid footer at the end"))
}

impl Layout for Vmdk {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let (grain, inside) = (guest / self.grain_bytes, guest % self.grain_bytes);
        let (table, index) = (grain / self.table_entries, grain % self.table_entries);
        let sector = u32::from_le_bytes(self.pages.entry(input, self.directory, table)?);
        if sector == 0 {
            let left = (self.table_entries - index) * self.grain_bytes - inside;
            return Ok(Extent::new(left, Content::Hole));
        }
        let table = Table { offset: u64::from(sector) * SECTOR, length: self.table_entries * 4 };
        let entry = u32::from_le_bytes(self.pages.entry(input, table, index)?);
        let host = u64::from(entry) * SECTOR;
        let content = match entry {
            0 => Content::Hole,
            ZEROED if self.has_zero_grains => Content::Zero,
            _ if self.is_compressed => Content::Compressed(self.grain(host, inside, input)?),
            _ => Content::Stored(host + inside),
        };
        Ok(Extent::new(self.grain_bytes - inside, content))
    }

    fn compressed_bytes(&self) -> u64 {
        if self.is_compressed { self.grain_bytes } else { 0 }
    }
}
