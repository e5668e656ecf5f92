//! The position of each cluster in the image.

use super::cluster_map::{DataCluster, StoredSize};
use super::geometry::Geometry;

/// The mark of a cluster whose refcount is 1.
pub(super) const COPIED: u64 = 1 << 63;

/// The mark of a compressed cluster in an L2 table.
const COMPRESSED: u64 = 1 << 62;

/// The unit of the lengths of compressed clusters.
const SECTOR_BYTES: u64 = 512;

/// Assigns positions to the clusters of a disk, in their order. Both passes use it, and all tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allocator {
    geometry: Geometry,
    /// The end of what was placed.
    at: u64,
    /// The L2 table of the last cluster.
    table: Option<u64>,
}

/// The position of a cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The L2 table that begins before the cluster: its number and its position in bytes.
    pub(super) table: Option<(u64, u64)>,
    /// Where the cluster begins, in bytes.
    pub(super) offset: u64,
    /// The bytes that it takes.
    pub(super) bytes: u64,
    /// Its entry in the L2 table.
    pub(super) entry: u64,
}

impl Allocator {
    pub(super) fn new(geometry: Geometry) -> Self {
        let at = (1 + geometry.l1_clusters()) << geometry.cluster_bits;
        Allocator { geometry, at, table: None }
    }

    /// The end of what was placed, in bytes.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Whole clusters up to the end of what was placed.
    pub(super) fn clusters(&self) -> u64 {
        self.at.div_ceil(self.geometry.cluster_bytes())
    }

    /// The number of the L2 table for a cluster of the disk.
    pub(super) fn table_of(&self, cluster: u64) -> u64 {
        cluster / self.geometry.l2_entries()
    }

    pub(super) fn place(&mut self, cluster: DataCluster) -> Place {
        let number = self.table_of(cluster.index);
        let is_new = self.table != Some(number);
        let table = is_new.then(|| (number, self.take_cluster()));
        self.table = Some(number);
        let (offset, bytes, entry) = match cluster.size {
            StoredSize::Full => {
                let offset = self.take_cluster();
                (offset, self.geometry.cluster_bytes(), offset | COPIED)
            }
            StoredSize::Compressed(bytes) => {
                let (offset, bytes) = (self.at, u64::from(bytes));
                self.at += bytes;
                (offset, bytes, self.compressed_entry(offset, bytes))
            }
        };
        Place { table, offset, bytes, entry }
    }

    /// The position of the next complete cluster.
    fn take_cluster(&mut self) -> u64 {
        let offset = self.clusters() << self.geometry.cluster_bits;
        self.at = offset + self.geometry.cluster_bytes();
        offset
    }

    /// The entry has the position in bytes, and the number of sectors after the first one. The last sector
    /// can contain bytes of the next cluster, which readers ignore.
    fn compressed_entry(&self, offset: u64, bytes: u64) -> u64 {
        let sectors = (offset + bytes - 1) / SECTOR_BYTES - offset / SECTOR_BYTES;
        COMPRESSED | sectors << self.geometry.offset_bits() | offset
    }
}
