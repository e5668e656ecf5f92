//! QED (`block/qed.c`).

use imgpush_formats::on_disk::{SECTOR, le32, le64};

use super::header::{cut, part};
use super::layout::{Content, Extent, Layout};
use super::pages::{Pages, Table};
use crate::error::ConvertError;
use crate::input::Input;

const HEADER_BYTES: usize = 64;

/// The entry of a cluster of zeros. That of an unallocated one is 0.
const ZERO: u64 = 1;

/// The layout of a QED image.
pub(crate) struct Qed {
    size: u64,
    cluster_bytes: u64,
    header_bytes: u64,
    table_bytes: u64,
    l1: u64,
    pages: Pages,
}

impl Qed {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let head = part(input, 0, HEADER_BYTES)?;
        let (Some(cluster), Some(table), Some(header), Some(l1), Some(size)) =
            (le32(&head, 4), le32(&head, 8), le32(&head, 12), le64(&head, 40), le64(&head, 48))
        else {
            return Err(cut(0));
        };
        if !cluster.is_power_of_two() || !(12..=26).contains(&cluster.ilog2()) {
            let text = format!("clusters of {cluster} bytes are not valid");
            return Err(ConvertError::invalid_header(4, text));
        }
        if !matches!(table, 1 | 2 | 4 | 8 | 16) || size % SECTOR != 0 {
            return Err(ConvertError::invalid_header(8, "its tables or its size are not valid"));
        }
        let cluster_bytes = u64::from(cluster);
        Ok(Qed {
            size,
            cluster_bytes,
            header_bytes: u64::from(header).saturating_mul(cluster_bytes),
            table_bytes: u64::from(table) * cluster_bytes,
            l1,
            pages: Pages::default(),
        })
    }

    /// Refuses an offset of a table or cluster in the header or inside a cluster, as qemu does.
    fn checked(&self, at: u64, offset: u64) -> Result<u64, ConvertError> {
        if offset.is_multiple_of(self.cluster_bytes) && offset >= self.header_bytes {
            return Ok(offset);
        }
        let what = format!("an entry points to byte {offset}, where no cluster begins");
        Err(ConvertError::damaged(at, what))
    }
}

impl Layout for Qed {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let entries = self.table_bytes / 8;
        let cluster = guest / self.cluster_bytes;
        let (l1_index, l2_index) = (cluster / entries, cluster % entries);
        let l1 = Table { offset: self.l1, length: self.table_bytes };
        let l2 = u64::from_le_bytes(self.pages.entry(input, l1, l1_index)?);
        let inside = guest % self.cluster_bytes;
        if l2 == 0 {
            let left = (entries - l2_index).saturating_mul(self.cluster_bytes);
            return Ok(Extent::new(left.saturating_sub(inside).max(1), Content::Hole));
        }
        let l2 = self.checked(self.l1.saturating_add(l1_index * 8), l2)?;
        let table = Table { offset: l2, length: self.table_bytes };
        let content = match u64::from_le_bytes(self.pages.entry(input, table, l2_index)?) {
            0 => Content::Hole,
            ZERO => Content::Zero,
            host => {
                let host = self.checked(l2.saturating_add(l2_index * 8), host)?;
                Content::Stored(host.saturating_add(inside))
            }
        };
        Ok(Extent::new(self.cluster_bytes - inside, content))
    }
}
