//! The clusters of a disk that have data, and the bytes that each takes in the image.
//!
//! A cluster takes four bytes of memory, and eight more after a long run of zeros. Zeros take none.

/// Entries of a page. Pages are never moved, as a growing vector would be.
const PAGE: usize = 16 << 10;

/// Bits of an entry for the size; 2 MiB - 1 fits.
const SIZE_BITS: u32 = 21;

/// The distance in an entry that refers to the list of long distances.
const FAR: u32 = u32::MAX >> SIZE_BITS;

/// The space that a cluster takes in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoredSize {
    /// A cluster, not compressed.
    Full,
    /// This number of bytes, from 1 to less than a cluster.
    Compressed(u32),
}

/// A cluster with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DataCluster {
    /// Its number in the disk.
    pub(super) index: u64,
    pub(super) size: StoredSize,
}

/// The clusters with data, in the order of the disk.
#[derive(Debug, Default)]
pub(super) struct ClusterMap {
    pages: Vec<Vec<u32>>,
    /// The numbers of clusters of zeros that do not fit into an entry.
    far: Vec<u64>,
    /// The cluster after the last one.
    end: u64,
}

/// A position in a map.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    page: usize,
    entry: usize,
    far: usize,
    end: u64,
}

impl ClusterMap {
    /// Appends a cluster, which comes after all others.
    pub(super) fn push(&mut self, cluster: DataCluster) {
        let skipped = cluster.index.saturating_sub(self.end);
        let near = u32::try_from(skipped).ok().filter(|skipped| *skipped < FAR);
        if near.is_none() {
            self.far.push(skipped);
        }
        let size = match cluster.size {
            StoredSize::Full => 0,
            StoredSize::Compressed(bytes) => bytes,
        };
        let entry = near.unwrap_or(FAR) << SIZE_BITS | size;
        match self.pages.last_mut().filter(|page| page.len() < PAGE) {
            Some(page) => page.push(entry),
            None => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(entry);
                self.pages.push(page);
            }
        }
        self.end = cluster.index + 1;
    }

    /// The cluster at the position, which moves on; none at the end.
    pub(super) fn next(&self, cursor: &mut Cursor) -> Option<DataCluster> {
        let entry = *self.pages.get(cursor.page)?.get(cursor.entry)?;
        cursor.entry += 1;
        if cursor.entry == PAGE {
            (cursor.page, cursor.entry) = (cursor.page + 1, 0);
        }
        let mut skipped = u64::from(entry >> SIZE_BITS);
        if skipped == u64::from(FAR) {
            skipped = *self.far.get(cursor.far)?;
            cursor.far += 1;
        }
        let index = cursor.end + skipped;
        cursor.end = index + 1;
        let size = match entry & ((1 << SIZE_BITS) - 1) {
            0 => StoredSize::Full,
            bytes => StoredSize::Compressed(bytes),
        };
        Some(DataCluster { index, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_returns_what_was_appended() {
        let far = u64::from(FAR);
        let skipped = [0, 0, 1, far - 1, far, far + 1, 0, 1 << 40, 7];
        let mut index = 0;
        let mut expected = Vec::new();
        for round in 0..2 * PAGE as u32 {
            index += skipped[round as usize % skipped.len()];
            let size = match round % 5 {
                0 => StoredSize::Full,
                1 => StoredSize::Compressed((2 << 20) - 1),
                _ => StoredSize::Compressed(1 + round % 1000),
            };
            expected.push(DataCluster { index, size });
            index += 1;
        }
        let mut map = ClusterMap::default();
        expected.iter().for_each(|cluster| map.push(*cluster));
        let mut cursor = Cursor::default();
        let found: Vec<_> = std::iter::from_fn(|| map.next(&mut cursor)).collect();
        assert!(found == expected);
        assert_eq!(map.next(&mut cursor), None);
    }
}
