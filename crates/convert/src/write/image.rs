//! The tables of an image whose clusters are known.

use std::sync::Arc;

use super::allocator::{Allocator, COPIED};
use super::cluster_map::{ClusterMap, Cursor};
use super::geometry::{Geometry, RefcountArea};
use super::header::header;
use super::options::ClusterCompression;
use super::refcounts::Refcounts;

/// An image whose clusters are known.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) geometry: Geometry,
    pub(super) map: ClusterMap,
    pub(super) area: RefcountArea,
    compression: ClusterCompression,
}

/// A position among the clusters of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) allocator: Allocator,
    pub(super) cursor: Cursor,
}

impl Image {
    /// The image; none if a table would exceed a limit of the format.
    pub(super) fn new(
        geometry: Geometry,
        map: ClusterMap,
        compression: ClusterCompression,
    ) -> Option<Self> {
        let mut allocator = Allocator::new(geometry);
        let mut cursor = Cursor::default();
        while let Some(cluster) = map.next(&mut cursor) {
            allocator.place(cluster);
        }
        let area = geometry.refcount_area(allocator.clusters())?;
        Some(Image { geometry, map, area, compression })
    }

    /// The size of the image in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.area.end() << self.geometry.cluster_bits
    }

    /// The position of the first cluster.
    pub(super) fn start(&self) -> Position {
        Position { allocator: Allocator::new(self.geometry), cursor: Cursor::default() }
    }

    /// The first cluster of the image.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut bytes = header(self.geometry, self.area, self.compression);
        bytes.resize(self.cluster_bytes(), 0);
        bytes
    }

    /// The clusters of the L1 table.
    pub(super) fn l1(self: &Arc<Self>) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        let Position { mut allocator, mut cursor } = self.start();
        let image = Arc::clone(self);
        let tables = std::iter::from_fn(move || {
            loop {
                let place = allocator.place(image.map.next(&mut cursor)?);
                if place.table.is_some() {
                    return place.table;
                }
            }
        });
        let mut tables = tables.peekable();
        let entries = (0..).map(move |number| {
            let table = tables.next_if(|table| table.0 == number);
            table.map_or(0, |(_, offset)| offset | COPIED)
        });
        let bits = self.geometry.cluster_bits;
        clusters_of(bits, self.geometry.l1_clusters(), entries.map(u64::to_be_bytes))
    }

    /// The L2 table of the cluster at the position.
    pub(super) fn l2(&self, position: Position) -> Vec<u8> {
        let Position { mut allocator, mut cursor } = position;
        let mut bytes = vec![0; self.cluster_bytes()];
        let mut number = None;
        while let Some(cluster) = self.map.next(&mut cursor) {
            let table = allocator.table_of(cluster.index);
            if *number.get_or_insert(table) != table {
                break;
            }
            let entry = allocator.place(cluster).entry.to_be_bytes();
            let at = cluster.index % self.geometry.l2_entries();
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            if let Some(space) = bytes.as_chunks_mut().0.get_mut(at) {
                *space = entry;
            }
        }
        bytes
    }

    /// The clusters of the refcount table and of the refcount blocks.
    pub(super) fn refcounts(self: &Arc<Self>) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        let (area, cluster_bits) = (self.area, self.geometry.cluster_bits);
        let first = area.start + area.table;
        let blocks = (first..area.end()).map(move |cluster| cluster << cluster_bits);
        let image = Arc::clone(self);
        let entries = blocks.chain(std::iter::repeat(0)).map(u64::to_be_bytes);
        let mut counts = Refcounts::new(self.geometry, area);
        let counts = std::iter::repeat_with(move || counts.next(&image.map)).map(u16::to_be_bytes);
        let table = clusters_of(cluster_bits, area.table, entries);
        table.chain(clusters_of(cluster_bits, area.blocks, counts))
    }

    fn cluster_bytes(&self) -> usize {
        1 << self.geometry.cluster_bits
    }
}

/// This number of clusters with the values.
fn clusters_of<const N: usize>(
    cluster_bits: u32,
    clusters: u64,
    mut values: impl Iterator<Item = [u8; N]> + Send,
) -> impl Iterator<Item = Vec<u8>> + Send {
    let values_per_cluster = (1 << cluster_bits) / N;
    (0..clusters).map(move |_| values.by_ref().take(values_per_cluster).flatten().collect())
}
