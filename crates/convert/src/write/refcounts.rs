//! The refcount of each cluster of the image, in order.

use std::collections::VecDeque;

use super::allocator::Allocator;
use super::cluster_map::{ClusterMap, Cursor};
use super::geometry::{Geometry, RefcountArea};

/// The refcounts from the first cluster of the image to its last one.
///
/// The refcount of a cluster with compressed data is the number of compressed clusters that have bytes in it.
/// It fits 16 bits: the shortest compressed form of a cluster of 2 MiB takes more than 32 bytes, and that of a
/// smaller one more than a thousandth of a cluster or 8 bytes.
#[derive(Debug)]
pub(super) struct Refcounts {
    allocator: Allocator,
    cursor: Cursor,
    cluster_bits: u32,
    area: RefcountArea,
    /// Counts that are final.
    done: VecDeque<u16>,
    /// The cluster after those in `done`, and its count so far.
    open: u64,
    count: u16,
    /// The number of counts returned.
    returned: u64,
}

impl Refcounts {
    pub(super) fn new(geometry: Geometry, area: RefcountArea) -> Self {
        let tables = 1 + geometry.l1_clusters();
        Refcounts {
            allocator: Allocator::new(geometry),
            cursor: Cursor::default(),
            cluster_bits: geometry.cluster_bits,
            area,
            done: std::iter::repeat_n(1, usize::try_from(tables).unwrap_or(usize::MAX)).collect(),
            open: tables,
            count: 0,
            returned: 0,
        }
    }

    /// The next refcount; 0 after the last cluster.
    pub(super) fn next(&mut self, map: &ClusterMap) -> u16 {
        while self.done.is_empty() && self.open < self.area.start {
            match map.next(&mut self.cursor) {
                Some(cluster) => {
                    let place = self.allocator.place(cluster);
                    if let Some((_, offset)) = place.table {
                        self.add(offset, 1 << self.cluster_bits);
                    }
                    self.add(place.offset, place.bytes);
                }
                None => self.close(),
            }
        }
        let number = self.returned;
        self.returned += 1;
        match self.done.pop_front() {
            Some(count) => count,
            None => u16::from(number < self.area.end()),
        }
    }

    /// Counts a reference to these bytes, which come after all others.
    fn add(&mut self, offset: u64, bytes: u64) {
        let first = offset >> self.cluster_bits;
        let last = (offset + bytes - 1) >> self.cluster_bits;
        for cluster in first..=last {
            while self.open < cluster {
                self.close();
            }
            self.count = self.count.saturating_add(1);
        }
    }

    fn close(&mut self) {
        self.done.push_back(self.count);
        self.open += 1;
        self.count = 0;
    }
}
