//! The two levels of tables that map a disk.

use crate::on_disk::SECTOR;
use crate::units::{ClusterIndex, GuestOffset, HostOffset};

/// Bits of an offset in the entries of both tables.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
/// Only since version 3, and not with subclusters, which have their own bits.
const ZERO: u64 = 1;

/// The layout of the tables that map the clusters of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    cluster_bits: u32,
    is_extended: bool,
    has_zero_flag: bool,
}

/// The state of a cluster, by its entry in an L2 table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum L2Entry {
    /// The data is in the backing file, or the cluster is zeros. With subclusters their bits decide.
    Unallocated,
    /// It reads as zeros, whatever the offset contains.
    Zero,
    /// The data is at this offset.
    Data(HostOffset),
    /// The data is compressed.
    Compressed {
        /// The first byte, at any position in a sector.
        offset: HostOffset,
        /// The number of bytes up to the end of the last sector. The compressed stream may end earlier.
        length: u64,
    },
}

/// An offset at which no cluster can start. qemu fails to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misaligned(pub HostOffset);

impl Layout {
    pub(super) fn new(cluster_bits: u32, is_extended: bool, has_zero_flag: bool) -> Self {
        Layout { cluster_bits, is_extended, has_zero_flag: has_zero_flag && !is_extended }
    }

    /// Returns the size of a cluster in bytes, 512 to 2 MiB.
    #[must_use]
    pub fn cluster_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Returns whether L2 entries have a second word with the states of 32 subclusters.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        self.is_extended
    }

    /// Returns the number of entries of an L2 table, which is one cluster.
    #[must_use]
    pub fn l2_entries(&self) -> u64 {
        self.cluster_bytes() / if self.is_extended { 16 } else { 8 }
    }

    /// Returns the cluster of a byte of the disk.
    #[must_use]
    pub fn cluster(&self, offset: GuestOffset) -> ClusterIndex {
        ClusterIndex(offset.0 >> self.cluster_bits)
    }

    /// Returns the index of a cluster's entry in the L1 table, and in the L2 table that it points to.
    #[must_use]
    pub fn entries(&self, cluster: ClusterIndex) -> (u64, u64) {
        (cluster.0 / self.l2_entries(), cluster.0 % self.l2_entries())
    }

    /// Returns the offset of the L2 table of an L1 entry, if it has one. Reserved bits are ignored, as by
    /// qemu.
    ///
    /// # Errors
    ///
    /// Fails if the offset is inside a cluster.
    pub fn l1_entry(&self, entry: u64) -> Result<Option<HostOffset>, Misaligned> {
        self.aligned(entry & OFFSET).map(|offset| (offset.0 != 0).then_some(offset))
    }

    /// Returns the state of a cluster by its L2 entry, or by the first word of an extended entry.
    ///
    /// # Errors
    ///
    /// Fails if the data starts inside a cluster.
    pub fn l2_entry(&self, entry: u64) -> Result<L2Entry, Misaligned> {
        if entry & COMPRESSED != 0 {
            // The larger the clusters, the fewer bits are left for the offset.
            let offset_bits = 62 - (self.cluster_bits - 8);
            let offset = entry & ((1 << offset_bits) - 1);
            let sectors = ((entry & (COMPRESSED - 1)) >> offset_bits) + 1;
            let length = sectors * SECTOR - offset % SECTOR;
            return Ok(L2Entry::Compressed { offset: HostOffset(offset), length });
        }
        if self.has_zero_flag && entry & ZERO != 0 {
            return Ok(L2Entry::Zero);
        }
        match self.aligned(entry & OFFSET)? {
            HostOffset(0) => Ok(L2Entry::Unallocated),
            offset => Ok(L2Entry::Data(offset)),
        }
    }

    fn aligned(&self, offset: u64) -> Result<HostOffset, Misaligned> {
        let is_aligned = offset.is_multiple_of(self.cluster_bytes());
        if is_aligned { Ok(HostOffset(offset)) } else { Err(Misaligned(HostOffset(offset))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Layout = Layout { cluster_bits: 16, is_extended: false, has_zero_flag: true };

    #[test]
    fn a_byte_is_found_through_both_tables() {
        // An L2 table of 64 KiB clusters maps 512 MiB.
        let offset = GuestOffset((3 << 29) + (5 << 16) + 7);
        assert_eq!(USUAL.entries(USUAL.cluster(offset)), (3, 5));
        let extended = Layout::new(16, true, true);
        assert_eq!(extended.entries(extended.cluster(offset)), (6, 5));
    }

    #[test]
    fn entries_are_decoded_as_specified() {
        assert_eq!(USUAL.l1_entry(1 << 63), Ok(None));
        assert_eq!(USUAL.l1_entry(1 << 63 | 4 << 16 | 0x1ff), Ok(Some(HostOffset(4 << 16))));
        assert_eq!(USUAL.l1_entry(512), Err(Misaligned(HostOffset(512))));
        assert_eq!(USUAL.l2_entry(0), Ok(L2Entry::Unallocated));
        assert_eq!(USUAL.l2_entry(5 << 16 | 1), Ok(L2Entry::Zero));
        assert_eq!(USUAL.l2_entry(1 << 63 | 5 << 16), Ok(L2Entry::Data(HostOffset(5 << 16))));
        // x = 62 - (16 - 8) = 54: two more sectors, from byte 100 of a sector on.
        let entry = 1 << 62 | 2 << 54 | (7 * 512 + 100);
        let offset = HostOffset(7 * 512 + 100);
        assert_eq!(USUAL.l2_entry(entry), Ok(L2Entry::Compressed { offset, length: 1436 }));
        let old = Layout::new(16, false, false);
        assert_eq!(old.l2_entry(1), Ok(L2Entry::Unallocated), "version 2 has no zero flag");
    }
}
