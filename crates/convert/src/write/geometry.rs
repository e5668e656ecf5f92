//! The sizes of an image that follow from the size of its disk and of its clusters.

/// The number of L1 entries that qemu accepts.
const MOST_L1_ENTRIES: u64 = (32 << 20) / 8;

/// The bytes of a refcount table that qemu accepts.
const MOST_REFCOUNT_TABLE_BYTES: u64 = 8 << 20;

/// Bytes of an entry of the L1, L2 and refcount tables.
pub(super) const ENTRY_BYTES: u64 = 8;

/// Bytes of a refcount.
pub(super) const REFCOUNT_BYTES: u64 = 2;

/// The sizes of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub(super) cluster_bits: u32,
    /// The size of the disk in bytes, a multiple of 512.
    pub(super) virtual_bytes: u64,
}

/// The clusters at the end of an image that hold the refcounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RefcountArea {
    /// Clusters of the image before the area.
    pub(super) start: u64,
    /// Clusters of the refcount table.
    pub(super) table: u64,
    /// Clusters of refcount blocks, which follow the table.
    pub(super) blocks: u64,
}

impl RefcountArea {
    /// The clusters of the image.
    pub(super) fn end(self) -> u64 {
        self.start + self.table + self.blocks
    }
}

impl Geometry {
    /// The geometry for a disk of raw bytes; none if clusters of this size cannot hold it.
    pub(super) fn new(raw_bytes: u64, cluster_bytes: u64) -> Option<Self> {
        let virtual_bytes = raw_bytes.checked_next_multiple_of(512)?;
        let geometry = Geometry { cluster_bits: cluster_bytes.trailing_zeros(), virtual_bytes };
        (geometry.l1_entries() <= MOST_L1_ENTRIES).then_some(geometry)
    }

    pub(super) fn cluster_bytes(self) -> u64 {
        1 << self.cluster_bits
    }

    /// Entries of an L2 table.
    pub(super) fn l2_entries(self) -> u64 {
        self.cluster_bytes() / ENTRY_BYTES
    }

    /// Entries of the L1 table; at least one, so that the table of an empty disk has a place too.
    pub(super) fn l1_entries(self) -> u64 {
        let clusters = self.virtual_bytes.div_ceil(self.cluster_bytes());
        clusters.div_ceil(self.l2_entries()).max(1)
    }

    /// Clusters of the L1 table.
    pub(super) fn l1_clusters(self) -> u64 {
        (self.l1_entries() * ENTRY_BYTES).div_ceil(self.cluster_bytes())
    }

    /// The bits for the position of a compressed cluster in an L2 entry.
    pub(super) fn offset_bits(self) -> u32 {
        62 - (self.cluster_bits - 8)
    }

    /// The area of the refcounts after this number of clusters, itself included in the refcounts; none if a
    /// table cannot express the positions, or exceeds the limit of qemu.
    pub(super) fn refcount_area(self, start: u64) -> Option<RefcountArea> {
        if start > 1 << (self.offset_bits() - self.cluster_bits) {
            return None;
        }
        let mut area = RefcountArea { start, table: 1, blocks: 1 };
        loop {
            let blocks = (area.end() * REFCOUNT_BYTES).div_ceil(self.cluster_bytes());
            let table = (blocks * ENTRY_BYTES).div_ceil(self.cluster_bytes());
            if (table, blocks) == (area.table, area.blocks) {
                let table_bytes = table * self.cluster_bytes();
                return (table_bytes <= MOST_REFCOUNT_TABLE_BYTES).then_some(area);
            }
            (area.table, area.blocks) = (table, blocks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refcounts_cover_all_clusters_and_their_own() {
        for cluster_bytes in [512, 4096, 64 << 10, 2 << 20] {
            let geometry = Geometry::new(1 << 30, cluster_bytes).unwrap();
            for start in (2..3000).chain([1 << 20, (1 << 20) + 1]) {
                let area = geometry.refcount_area(start).unwrap();
                let counts = area.blocks * cluster_bytes / REFCOUNT_BYTES;
                assert!(counts >= area.end() && area.table * cluster_bytes / 8 >= area.blocks);
                assert!(counts - area.end() < 2 * cluster_bytes / REFCOUNT_BYTES);
            }
        }
    }

    #[test]
    fn a_disk_that_no_l1_table_can_hold_has_no_geometry() {
        assert!(Geometry::new(128 << 30, 512).is_some());
        assert!(Geometry::new((128 << 30) + 1, 512).is_none());
        assert!(Geometry::new(u64::MAX, 2 << 20).is_none());
        assert_eq!(Geometry::new(513, 512).unwrap().virtual_bytes, 1024);
    }
}
