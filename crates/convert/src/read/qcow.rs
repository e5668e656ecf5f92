//! qcow, version 1 (`block/qcow.c`).

use imgpush_formats::on_disk::{SECTOR, be64, bytes};

use super::header::{cut, part};
use super::layout::{Codec, CompressedCluster, Content, Extent, Layout};
use super::pages::{Pages, Table};
use crate::error::ConvertError;
use crate::input::Input;

const HEADER_BYTES: usize = 48;
const COMPRESSED: u64 = 1 << 63;

/// The layout of a qcow.
pub(crate) struct Qcow {
    size: u64,
    cluster_bits: u32,
    l2_bits: u32,
    l1: Table,
    pages: Pages,
}

impl Qcow {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let head = part(input, 0, HEADER_BYTES)?;
        let (Some(size), Some([cluster_bits, l2_bits]), Some(l1)) =
            (be64(&head, 24), bytes::<2>(&head, 32), be64(&head, 40))
        else {
            return Err(cut(0));
        };
        if !(9..=16).contains(&cluster_bits) || !(6..=13).contains(&l2_bits) {
            let text = format!("cluster_bits {cluster_bits} or l2_bits {l2_bits} is not valid");
            return Err(ConvertError::invalid_header(32, text));
        }
        let (cluster_bits, l2_bits) = (u32::from(cluster_bits), u32::from(l2_bits));
        let entries = size.div_ceil(1 << (cluster_bits + l2_bits));
        Ok(Qcow {
            size: size / SECTOR * SECTOR,
            cluster_bits,
            l2_bits,
            l1: Table { offset: l1, length: entries.saturating_mul(8) },
            pages: Pages::default(),
        })
    }
}

impl Layout for Qcow {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let cluster_bytes = 1 << self.cluster_bits;
        let l2_span = 1 << (self.cluster_bits + self.l2_bits);
        let l1_index = guest / l2_span;
        let l2 = u64::from_be_bytes(self.pages.entry(input, self.l1, l1_index)?);
        if l2 == 0 {
            return Ok(Extent::new(l2_span - guest % l2_span, Content::Hole));
        }
        let l2_index = guest % l2_span / cluster_bytes;
        let table = Table { offset: l2, length: 8 << self.l2_bits };
        let entry = u64::from_be_bytes(self.pages.entry(input, table, l2_index)?);
        let inside = guest % cluster_bytes;
        let content = if entry == 0 {
            Content::Hole
        } else if entry & COMPRESSED != 0 {
            let length_at = 63 - self.cluster_bits;
            Content::Compressed(CompressedCluster {
                host: entry & ((1 << length_at) - 1),
                stored: (entry >> length_at) & (cluster_bytes - 1),
                unpacked: cluster_bytes,
                skip: inside,
                codec: Codec::Deflate,
            })
        } else if entry % SECTOR != 0 {
            let at = l2.saturating_add(l2_index * 8);
            let what = format!("an entry points to byte {entry}, inside a sector");
            return Err(ConvertError::damaged(at, what));
        } else {
            Content::Stored(entry + inside)
        };
        Ok(Extent::new(cluster_bytes - inside, content))
    }

    fn compressed_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }
}
