//! VirtualBox (`block/vdi.c`).

use imgpush_formats::on_disk::{SECTOR, le32, le64};

use super::header::{cut, part};
use super::layout::{Content, Extent, Layout};
use super::pages::{Pages, Table};
use crate::error::{ConvertError, RefusalReason};
use crate::input::Input;

const HEADER_BYTES: usize = 512;

/// Types of images: 1 is dynamic, 2 is static.
const UNDO: u32 = 3;
const DIFFERENCING: u32 = 4;

/// Entries of the block map without a block.
const FREE: u32 = 0xffff_ffff;
const DISCARDED: u32 = 0xffff_fffe;

/// The layout of a VDI.
pub(crate) struct Vdi {
    size: u64,
    block_bytes: u64,
    data: u64,
    map: Table,
    pages: Pages,
}

impl Vdi {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let mut head = part(input, 0, HEADER_BYTES)?;
        // As qemu reads a file that ends within the header.
        head.resize(HEADER_BYTES, 0);
        let (Some(kind), Some(map), Some(data), Some(size), Some(block), Some(blocks)) = (
            le32(&head, 0x4c),
            le32(&head, 0x154),
            le32(&head, 0x158),
            le64(&head, 0x170),
            le32(&head, 0x178),
            le32(&head, 0x180),
        ) else {
            return Err(cut(0));
        };
        if matches!(kind, UNDO | DIFFERENCING) {
            let text = "it is an undo or differencing disk and needs its parent";
            return Err(ConvertError::refused(RefusalReason::BackingFile, 0x4c, text));
        }
        if !block.is_power_of_two() || u64::from(block) < SECTOR {
            let text = format!("blocks of {block} bytes are not valid");
            return Err(ConvertError::invalid_header(0x178, text));
        }
        let size = size.checked_next_multiple_of(SECTOR);
        let capacity = u64::from(blocks) * u64::from(block);
        let size = size.filter(|size| *size <= capacity).ok_or_else(|| {
            ConvertError::invalid_header(0x170, "the disk is larger than all of its blocks")
        })?;
        Ok(Vdi {
            size,
            block_bytes: block.into(),
            data: data.into(),
            map: Table { offset: map.into(), length: u64::from(blocks) * 4 },
            pages: Pages::default(),
        })
    }
}

impl Layout for Vdi {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let (block, inside) = (guest / self.block_bytes, guest % self.block_bytes);
        let content = match u32::from_le_bytes(self.pages.entry(input, self.map, block)?) {
            FREE => Content::Hole,
            DISCARDED => Content::Zero,
            n => Content::Stored(self.data + u64::from(n) * self.block_bytes + inside),
        };
        Ok(Extent::new(self.block_bytes - inside, content))
    }
}
