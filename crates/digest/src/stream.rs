//! Any digests of one stream, computed where the caller is.

use crate::blocks::BlockHasher;
use crate::{Algorithm, Digest, Platform, portable};

/// Bytes that are hashed by all before the next ones are: they stay in the second cache.
const SLICE_BYTES: usize = 128 << 10;

/// Hashers that see the same bytes.
pub(crate) struct Stream {
    platform: Platform,
    pub(crate) blocks: Vec<BlockHasher>,
    others: Vec<portable::Hasher>,
}

impl Stream {
    /// A stream for these algorithms, in as few passes as there are kernels for.
    pub(crate) fn new(platform: Platform, algorithms: &[Algorithm]) -> Self {
        let mut blocks: Vec<BlockHasher> = Vec::new();
        let mut others = Vec::new();
        for &algorithm in algorithms {
            if let Some(hasher) = portable::Hasher::new(algorithm) {
                others.push(hasher);
            } else if !blocks.iter_mut().any(|hasher| hasher.add(algorithm)) {
                let mut hasher = BlockHasher::new();
                hasher.add(algorithm);
                blocks.push(hasher);
            }
        }
        Stream { platform, blocks, others }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let ([only], []) = (&mut self.blocks[..], &self.others[..]) {
            only.update(self.platform, bytes);
            return;
        }
        for slice in bytes.chunks(SLICE_BYTES) {
            self.blocks.iter_mut().for_each(|hasher| hasher.update(self.platform, slice));
            self.update_others(slice);
        }
    }

    /// Adds bytes to those digests that no kernel of ours computes.
    pub(crate) fn update_others(&mut self, bytes: &[u8]) {
        self.others.iter_mut().for_each(|hasher| hasher.update(bytes));
    }

    /// The digests, in any order.
    pub(crate) fn finish(self) -> impl Iterator<Item = Digest> {
        let blocks = self.blocks.into_iter().flat_map(BlockHasher::finish);
        blocks.chain(self.others.into_iter().map(portable::Hasher::finish))
    }
}
