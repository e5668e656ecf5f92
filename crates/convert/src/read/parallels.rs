//! Parallels (`block/parallels.c`).

use imgpush_formats::on_disk::{SECTOR, le32, le64};

use super::header::{cut, part};
use super::layout::{Content, Extent, Layout};
use super::pages::{Pages, Table};
use crate::error::ConvertError;
use crate::input::Input;

/// The old magic: entries count sectors, and the size has 32 bits.
const OLD: &[u8] = b"WithoutFreeSpace";

/// Bytes before the table.
const HEADER_BYTES: usize = 64;

/// qemu's limit for sectors per cluster.
const MAX_SECTORS: u32 = 0x7fff_ffff / 513;

/// The layout of a Parallels image.
pub(crate) struct Parallels {
    size: u64,
    cluster_bytes: u64,
    /// Bytes that an entry counts.
    unit: u64,
    table: Table,
    pages: Pages,
}

impl Parallels {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let head = part(input, 0, HEADER_BYTES)?;
        let (Some(sectors), Some(entries), Some(size)) =
            (le32(&head, 28), le32(&head, 32), le64(&head, 36))
        else {
            return Err(cut(0));
        };
        if sectors == 0 || sectors > MAX_SECTORS {
            let text = format!("clusters of {sectors} sectors are not valid");
            return Err(ConvertError::invalid_header(28, text));
        }
        let is_old = head.starts_with(OLD);
        let size = if is_old { size & u64::from(u32::MAX) } else { size };
        let size = size.checked_mul(SECTOR).ok_or_else(|| {
            ConvertError::invalid_header(36, format!("{size} sectors are not valid"))
        })?;
        let cluster_bytes = u64::from(sectors) * SECTOR;
        Ok(Parallels {
            size,
            cluster_bytes,
            unit: if is_old { SECTOR } else { cluster_bytes },
            table: Table { offset: HEADER_BYTES as u64, length: u64::from(entries) * 4 },
            pages: Pages::default(),
        })
    }
}

impl Layout for Parallels {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let (cluster, inside) = (guest / self.cluster_bytes, guest % self.cluster_bytes);
        let content = match u32::from_le_bytes(self.pages.entry(input, self.table, cluster)?) {
            0 => Content::Hole,
            n => Content::Stored((u64::from(n) * self.unit).saturating_add(inside)),
        };
        Ok(Extent::new(self.cluster_bytes - inside, content))
    }
}
