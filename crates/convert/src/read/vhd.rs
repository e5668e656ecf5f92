//! Virtual PC (`block/vpc.c`): dynamic disks, and fixed ones, which are raw disks with a footer.

use imgpush_formats::on_disk::{SECTOR, be32, be64, bytes};

use super::header::{cut, part};
use super::layout::{Content, Extent, Layout};
use super::pages::{Pages, Table};
use crate::error::{ConvertError, RefusalReason};
use crate::input::Input;

const COOKIE: &[u8] = b"conectix";
const FOOTER_BYTES: usize = 512;
const HEADER_BYTES: usize = 48;
const DIFFERENCING: u32 = 4;

/// The maximum size in a geometry; larger disks use the size field.
const MAX_BY_GEOMETRY: u64 = 65_535 * 16 * 255;

/// The entry of a block that does not exist.
const UNALLOCATED: u32 = u32::MAX;

/// The layout of a VHD.
pub(crate) struct Vhd {
    size: u64,
    /// None if the disk is fixed.
    blocks: Option<Blocks>,
}

/// The blocks of a dynamic disk.
struct Blocks {
    bytes: u64,
    /// The bitmap before the data of each block. qemu ignores it.
    bitmap_bytes: u64,
    table: Table,
    pages: Pages,
}

impl Vhd {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let head = part(input, 0, FOOTER_BYTES)?;
        if head.starts_with(COOKIE) {
            return Vhd::dynamic(&head, input);
        }
        let size = input.size().ok_or_else(|| {
            let text = "the size of a fixed VHD is in its footer, at the end of the pipe";
            ConvertError::refused(RefusalReason::NeedsEnd, 0, text)
        })?;
        // Old versions of Virtual PC omit the last byte.
        let at = size.div_ceil(SECTOR).saturating_sub(1) * SECTOR;
        let mut footer = part(input, at, FOOTER_BYTES)?;
        footer.resize(FOOTER_BYTES, 0);
        if !footer.starts_with(COOKIE) {
            return Err(cut(at));
        }
        let size = disk_bytes(&footer).ok_or_else(|| cut(at))?;
        if size > at {
            return Err(ConvertError::truncated("the disk", 0, size));
        }
        Ok(Vhd { size, blocks: None })
    }

    fn dynamic(footer: &[u8], input: &mut dyn Input) -> Result<Self, ConvertError> {
        let (Some(at), Some(kind), Some(size)) =
            (be64(footer, 16), be32(footer, 60), disk_bytes(footer))
        else {
            return Err(cut(0));
        };
        if kind == DIFFERENCING {
            let text = "it is a differencing disk and needs its parent";
            return Err(ConvertError::refused(RefusalReason::BackingFile, 60, text));
        }
        let head = part(input, at, HEADER_BYTES)?;
        let (Some(table), Some(entries), Some(block)) =
            (be64(&head, 16), be32(&head, 28), be32(&head, 32))
        else {
            return Err(cut(at));
        };
        let is_sound = head.starts_with(b"cxsparse")
            && block.is_power_of_two()
            && u64::from(block) >= SECTOR
            && u64::from(entries) * u64::from(block) >= size;
        if !is_sound {
            return Err(ConvertError::invalid_header(at, "the dynamic header is not valid"));
        }
        let bytes = u64::from(block);
        Ok(Vhd {
            size,
            blocks: Some(Blocks {
                bytes,
                bitmap_bytes: (bytes / SECTOR).div_ceil(8).next_multiple_of(SECTOR),
                table: Table { offset: table, length: u64::from(entries) * 4 },
                pages: Pages::default(),
            }),
        })
    }
}

/// The size of the disk: by its geometry if Virtual PC or qemu created it, otherwise the current size.
fn disk_bytes(footer: &[u8]) -> Option<u64> {
    let [high, low, heads, sectors] = bytes::<4>(footer, 56)?;
    let cylinders = u64::from(u16::from_be_bytes([high, low]));
    let by_geometry = cylinders * u64::from(heads) * u64::from(sectors);
    let creator: [u8; 4] = bytes(footer, 28)?;
    let has_geometry = matches!(&creator, b"vpc " | b"qemu") && by_geometry != MAX_BY_GEOMETRY;
    let sectors = if has_geometry { by_geometry } else { be64(footer, 48)? / SECTOR };
    sectors.checked_mul(SECTOR)
}

impl Layout for Vhd {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let Some(blocks) = &mut self.blocks else {
            return Ok(Extent::new(self.size - guest, Content::Stored(guest)));
        };
        let (block, inside) = (guest / blocks.bytes, guest % blocks.bytes);
        let content = match u32::from_be_bytes(blocks.pages.entry(input, blocks.table, block)?) {
            UNALLOCATED => Content::Hole,
            sector => Content::Stored(u64::from(sector) * SECTOR + blocks.bitmap_bytes + inside),
        };
        Ok(Extent::new(blocks.bytes - inside, content))
    }
}
