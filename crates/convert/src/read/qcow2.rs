//! qcow2, versions 2 and 3 (`block/qcow2.c`).

use imgpush_formats::qcow2::{Header, L2Entry, Layout as Tables, Misaligned};
use imgpush_formats::{ClusterIndex, GuestOffset};

use super::header::{cut, part};
use super::layout::{Codec, CompressedCluster, Content, Extent, Layout, Lost};
use super::pages::{Pages, Table};
use crate::error::ConvertError;
use crate::input::Input;

/// Bytes of the header that are read.
const HEADER_BYTES: usize = 512;

/// Subclusters of a cluster with an extended L2 entry.
const SUBCLUSTERS: u64 = 32;

const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;

/// The layout of a qcow2. Only the active L1 table is read.
pub(crate) struct Qcow2 {
    size: u64,
    tables: Tables,
    has_zero_flag: bool,
    codec: Codec,
    lost: Lost,
    l1: Table,
    pages: Pages,
}

impl Qcow2 {
    pub(crate) fn open(input: &mut dyn Input) -> Result<Self, ConvertError> {
        let mut head = part(input, 0, HEADER_BYTES)?;
        // As qemu reads a file that ends within the sector.
        head.resize(HEADER_BYTES, 0);
        let header = Header::read(&head).ok_or_else(|| cut(0))?;
        let tables = header.layout().ok_or_else(|| {
            ConvertError::invalid_header(20, "the size of its clusters is not valid")
        })?;
        let (l1, entries) = header.l1_table();
        Ok(Qcow2 {
            size: header.virtual_size(),
            tables,
            has_zero_flag: header.version() >= 3,
            codec: if header.is_zstd() { Codec::Zstd } else { Codec::Deflate },
            lost: Lost { snapshots: header.snapshots(), has_bitmaps: header.has_bitmaps() },
            l1: Table { offset: l1.0, length: u64::from(entries) * 8 },
            pages: Pages::default(),
        })
    }

    /// The extent in a cluster with a normal entry.
    fn cluster(&self, entry: u64, at: u64, inside: u64) -> Result<Extent, ConvertError> {
        let left = self.tables.cluster_bytes() - inside;
        let content = match self.tables.l2_entry(entry).map_err(|error| misaligned(at, error))? {
            L2Entry::Unallocated => Content::Hole,
            L2Entry::Zero => Content::Zero,
            L2Entry::Data(host) => Content::Stored(host.0.saturating_add(inside)),
            L2Entry::Compressed { offset, length } => Content::Compressed(CompressedCluster {
                host: offset.0,
                stored: length,
                unpacked: self.tables.cluster_bytes(),
                skip: inside,
                codec: self.codec,
            }),
            _ => return Err(ConvertError::damaged(at, "an L2 entry of an unknown kind")),
        };
        Ok(Extent::new(left, content))
    }

    /// The extent in a cluster with an extended entry: its subclusters with the same state.
    fn subclusters(
        &self,
        entry: u64,
        bitmap: u64,
        at: u64,
        inside: u64,
    ) -> Result<Extent, ConvertError> {
        let (allocated, zero) = (bitmap & u64::from(u32::MAX), bitmap >> 32);
        let host = match self.tables.l2_entry(entry).map_err(|error| misaligned(at, error))? {
            L2Entry::Data(_) if allocated & zero != 0 => {
                let what = "a subcluster is marked as allocated and as zeros";
                return Err(ConvertError::damaged(at, what));
            }
            L2Entry::Data(host) => Some(host.0),
            _ if allocated != 0 => {
                let what = "a subcluster is marked as allocated, but its cluster is not";
                return Err(ConvertError::damaged(at, what));
            }
            _ => None,
        };
        let bytes = self.tables.cluster_bytes() / SUBCLUSTERS;
        let first = inside / bytes;
        let state = |n: u64| (allocated >> n & 1, zero >> n & 1);
        let end = (first..SUBCLUSTERS).find(|n| state(*n) != state(first)).unwrap_or(SUBCLUSTERS);
        let content = match (state(first), host) {
            ((_, 1), _) => Content::Zero,
            ((1, _), Some(host)) => Content::Stored(host.saturating_add(inside)),
            _ => Content::Hole,
        };
        Ok(Extent::new(end * bytes - inside, content))
    }
}

impl Layout for Qcow2 {
    fn size(&self) -> u64 {
        self.size
    }

    fn extent(&mut self, guest: u64, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let cluster_bytes = self.tables.cluster_bytes();
        let cluster = self.tables.cluster(GuestOffset(guest));
        let (l1_index, l2_index) = self.tables.entries(cluster);
        let l1_entry = u64::from_be_bytes(self.pages.entry(input, self.l1, l1_index)?);
        let l1_at = self.l1.offset.saturating_add(l1_index * 8);
        let l2 = self.tables.l1_entry(l1_entry).map_err(|error| misaligned(l1_at, error))?;
        let Some(l2) = l2 else {
            let ClusterIndex(cluster) = cluster;
            let next = (cluster - l2_index).saturating_add(self.tables.l2_entries());
            let next = next.saturating_mul(cluster_bytes);
            return Ok(Extent::new(next.saturating_sub(guest).max(1), Content::Hole));
        };
        let table = Table { offset: l2.0, length: cluster_bytes };
        let inside = guest % cluster_bytes;
        if self.tables.is_extended() {
            let [high, low] = halves(self.pages.entry::<16>(input, table, l2_index)?);
            let at = l2.0.saturating_add(l2_index * 16);
            if high & COMPRESSED != 0 {
                return self.cluster(high, at, inside);
            }
            return self.subclusters(high, low, at, inside);
        }
        let entry = u64::from_be_bytes(self.pages.entry(input, table, l2_index)?);
        let at = l2.0.saturating_add(l2_index * 8);
        if entry & (COMPRESSED | ZERO) == ZERO {
            if !self.has_zero_flag {
                return Err(ConvertError::damaged(at, "a zero cluster in an image of version 2"));
            }
            // qemu refuses the offset of a zero cluster if it is not one of a cluster.
            self.tables.l2_entry(entry & !ZERO).map_err(|error| misaligned(at, error))?;
        }
        self.cluster(entry, at, inside)
    }

    fn compressed_bytes(&self) -> u64 {
        self.tables.cluster_bytes()
    }

    fn lost(&self) -> Lost {
        self.lost
    }
}

/// The two words of an extended entry.
fn halves(entry: [u8; 16]) -> [u64; 2] {
    let both = u128::from_be_bytes(entry);
    [(both >> 64) as u64, both as u64]
}

fn misaligned(at: u64, error: Misaligned) -> ConvertError {
    let Misaligned(host) = error;
    ConvertError::damaged(at, format!("an entry points to byte {}, inside a cluster", host.0))
}
