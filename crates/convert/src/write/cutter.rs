//! The clusters of a disk that have data, from its chunks.

use bytes::Bytes;
use imgpush_source::{Chunk, is_zero};

/// A cluster of the disk that is not only zeros.
#[derive(Clone, Debug)]
pub(super) struct RawCluster {
    /// Its number in the disk.
    pub(super) index: u64,
    pub(super) bytes: Bytes,
}

/// Cuts chunks into clusters. A cluster inside a chunk is not copied.
#[derive(Debug)]
pub(super) struct Cutter {
    cluster_bytes: usize,
    /// The clusters before the current one.
    index: u64,
    /// Zeros at the start of the current cluster.
    zeros: usize,
    /// The current cluster with its zeros, once it has other bytes.
    bytes: Vec<u8>,
}

impl Cutter {
    pub(super) fn new(cluster_bytes: usize) -> Self {
        Cutter { cluster_bytes, index: 0, zeros: 0, bytes: Vec::new() }
    }

    /// Adds the next chunk of the disk, and passes on each cluster that is complete and not only zeros.
    pub(super) fn add(&mut self, chunk: Chunk, found: &mut impl FnMut(RawCluster)) {
        match chunk {
            Chunk::Data(bytes) => self.add_data(bytes, found),
            zeros => self.add_zeros(zeros.len(), found),
        }
    }

    /// Ends the disk; the rest of its last cluster is zeros.
    pub(super) fn finish(&mut self, found: &mut impl FnMut(RawCluster)) {
        let filled = self.filled();
        if filled > 0 {
            self.add_zeros((self.cluster_bytes - filled) as u64, found);
        }
    }

    fn add_data(&mut self, mut data: Bytes, found: &mut impl FnMut(RawCluster)) {
        while !data.is_empty() {
            let filled = self.filled();
            if filled == 0 && data.len() >= self.cluster_bytes {
                self.emit(data.split_to(self.cluster_bytes), found);
                continue;
            }
            let part = data.split_to(data.len().min(self.cluster_bytes - filled));
            if self.bytes.is_empty() {
                self.bytes.reserve_exact(self.cluster_bytes);
                self.bytes.resize(self.zeros, 0);
            }
            self.bytes.extend_from_slice(&part);
            self.emit_if_full(found);
        }
    }

    fn add_zeros(&mut self, mut count: u64, found: &mut impl FnMut(RawCluster)) {
        let left = (self.cluster_bytes - self.filled()) as u64;
        if self.filled() > 0 {
            let part = count.min(left);
            self.append_zeros(part, found);
            count -= part;
        }
        let cluster_bytes = self.cluster_bytes as u64;
        self.index += count / cluster_bytes;
        self.append_zeros(count % cluster_bytes, found);
    }

    /// Appends zeros to the current cluster, which has space for them.
    fn append_zeros(&mut self, count: u64, found: &mut impl FnMut(RawCluster)) {
        let filled = self.filled() + usize::try_from(count).unwrap_or(usize::MAX);
        if self.bytes.is_empty() {
            self.zeros = filled;
        } else {
            self.bytes.resize(filled, 0);
        }
        self.emit_if_full(found);
    }

    fn emit_if_full(&mut self, found: &mut impl FnMut(RawCluster)) {
        if self.filled() < self.cluster_bytes {
            return;
        }
        self.zeros = 0;
        if self.bytes.is_empty() {
            self.index += 1;
        } else {
            let bytes = std::mem::take(&mut self.bytes);
            self.emit(bytes.into(), found);
        }
    }

    /// Passes on a complete cluster, unless it is only zeros.
    fn emit(&mut self, bytes: Bytes, found: &mut impl FnMut(RawCluster)) {
        let index = self.index;
        self.index += 1;
        if !is_zero(&bytes) {
            found(RawCluster { index, bytes });
        }
    }

    /// Bytes of the current cluster so far.
    fn filled(&self) -> usize {
        self.zeros.max(self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk() -> impl Strategy<Value = Chunk> {
        prop_oneof![
            (1usize..40).prop_map(|length| Chunk::Data(vec![7; length].into())),
            (1usize..40).prop_map(|length| Chunk::Data(vec![0; length].into())),
            (1u64..90).prop_map(Chunk::Zero),
            (1u64..90).prop_map(Chunk::Hole),
        ]
    }

    proptest! {
        #[test]
        fn clusters_do_not_depend_on_the_chunks(chunks in prop::collection::vec(chunk(), 0..40)) {
            let mut disk = chunks.iter().flat_map(Chunk::slices).collect::<Vec<_>>().concat();
            disk.resize(disk.len().next_multiple_of(16), 0);
            let expected: Vec<_> = disk
                .chunks(16)
                .enumerate()
                .filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0))
                .map(|(index, bytes)| (index as u64, bytes.to_vec()))
                .collect();
            let mut found = Vec::new();
            let mut add = |cluster: RawCluster| found.push((cluster.index, cluster.bytes.to_vec()));
            let mut cutter = Cutter::new(16);
            chunks.into_iter().for_each(|chunk| cutter.add(chunk, &mut add));
            cutter.finish(&mut add);
            prop_assert_eq!(found, expected);
        }
    }
}
