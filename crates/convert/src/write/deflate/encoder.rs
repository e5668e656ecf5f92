//! Compression of a cluster.

use super::bits::Bits;
use super::block::{Block, LEAST_MATCH};
use super::matches::{Match, Matches};

/// Literals and matches of a block.
const BLOCK: usize = 16 << 10;

/// Positions without a match after which some positions are not searched: data without matches, such as
/// compressed files, is left quickly.
const PATIENCE: usize = 32;

/// The most positions that are added without a search.
const MOST_SKIPPED: usize = 8;

/// How thoroughly matches are searched.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// Candidates for each position.
    depth: u32,
    /// The length at which the search ends.
    good: usize,
    /// Whether a longer match at the next position is preferred.
    is_lazy: bool,
}

/// Compresses clusters, each as a stream of deflate of its own.
pub(in crate::write) struct Deflate {
    effort: Effort,
    matches: Matches,
    block: Block,
    bits: Bits,
    /// Searches since the last match.
    misses: usize,
}

impl Deflate {
    /// A compressor of a level from 1 (fast) to 9 (small).
    pub(in crate::write) fn new(level: u32) -> Self {
        let (depth, good, is_lazy) = match level {
            0..=1 => (2, 16, false),
            2 => (4, 32, false),
            3 => (4, 32, true),
            4 => (8, 32, true),
            5 => (16, 40, true),
            6 => (32, 64, true),
            7 => (64, 128, true),
            8 => (128, 258, true),
            _ => (512, 258, true),
        };
        Deflate {
            effort: Effort { depth, good, is_lazy },
            matches: Matches::default(),
            block: Block::default(),
            bits: Bits::default(),
            misses: 0,
        }
    }

    /// The compressed form of a cluster; none if it is not shorter.
    pub(in crate::write) fn compress(&mut self, cluster: &[u8]) -> Option<&[u8]> {
        self.matches.begin(cluster);
        self.block.clear();
        self.bits.clear();
        self.misses = 0;
        let (mut at, end) = (0, cluster.len());
        while at < end {
            at = if self.effort.is_lazy { self.lazy(at, end) } else { self.greedy(at, end) };
            if self.block.len() >= BLOCK {
                self.block.write(at == end, &mut self.bits);
                if self.bits.bytes.len() >= end {
                    return None;
                }
            }
        }
        if self.block.len() > 0 || end == 0 {
            self.block.write(true, &mut self.bits);
        }
        self.bits.finish();
        Some(&self.bits.bytes[..]).filter(|bytes| bytes.len() < end)
    }

    /// Adds the match or the byte at the position, and returns the position after it.
    #[inline]
    fn greedy(&mut self, at: usize, end: usize) -> usize {
        let Effort { depth, good, .. } = self.effort;
        let found = self.matches.find(at, LEAST_MATCH - 1, depth, good);
        if found.length == 0 {
            return self.miss(at, end);
        }
        self.add(at, found, at + 1)
    }

    /// Adds the next match and the bytes before it, and returns the position after it.
    #[inline]
    fn lazy(&mut self, mut at: usize, end: usize) -> usize {
        let Effort { depth, good, .. } = self.effort;
        let mut current = self.matches.find(at, LEAST_MATCH - 1, depth, good);
        if current.length == 0 {
            return self.miss(at, end);
        }
        while current.length < good && at + 1 < end {
            let next = self.matches.find(at + 1, current.length, depth / 2, good);
            if next.length == 0 {
                return self.add(at, current, at + 2);
            }
            self.block.literal(self.matches.byte(at));
            at += 1;
            current = next;
        }
        self.add(at, current, at + 1)
    }

    /// Adds the byte at a position without a match, and some after it if there was none for long.
    #[inline]
    fn miss(&mut self, at: usize, end: usize) -> usize {
        let after = (at + 1 + (self.misses / PATIENCE).min(MOST_SKIPPED)).min(end);
        self.misses += 1;
        (at..after).for_each(|at| self.block.literal(self.matches.byte(at)));
        after
    }

    /// Adds a match; the positions before `searched` are in the tables already.
    #[inline]
    fn add(&mut self, at: usize, found: Match, searched: usize) -> usize {
        self.misses = 0;
        self.block.a_match(found.length, found.distance);
        let after = at + found.length;
        for skipped in searched..after {
            self.matches.skip(skipped);
        }
        after
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress, Status};
    use proptest::prelude::*;

    use super::*;

    /// Decompresses with the window of qemu.
    fn inflate(compressed: &[u8], length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut inflate = Decompress::new_with_window_bits(false, 12);
        let status = inflate.decompress(compressed, &mut bytes, FlushDecompress::Finish).unwrap();
        assert_eq!(status, Status::StreamEnd);
        assert_eq!(inflate.total_in(), compressed.len() as u64);
        assert_eq!(inflate.total_out(), length as u64);
        bytes
    }

    /// Bytes that compress: repeated parts of themselves, and literals of few values.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let literals = (prop::collection::vec(any::<u8>(), 1..80), any::<u8>());
        let literals = literals.prop_map(|(bytes, mask)| {
            (0, 0, bytes.iter().map(|byte| byte & mask).collect::<Vec<_>>())
        });
        let copies =
            (1usize..10_000, 1usize..2_000).prop_map(|(back, count)| (back, count, Vec::new()));
        prop::collection::vec(prop_oneof![literals, copies], 1..60).prop_map(|parts| {
            let mut bytes = Vec::new();
            for (back, count, literals) in parts {
                bytes.extend(literals);
                let from = bytes.len().saturating_sub(back);
                (from..from + count.min(bytes.len() - from)).for_each(|at| bytes.push(bytes[at]));
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn a_cluster_is_restored(clusters in prop::collection::vec(content(), 1..4), level in 1u32..=9) {
            let mut deflate = Deflate::new(level);
            for cluster in clusters {
                let fresh = Deflate::new(level).compress(&cluster).map(<[u8]>::to_vec);
                let compressed = deflate.compress(&cluster);
                prop_assert_eq!(compressed, fresh.as_deref());
                if let Some(compressed) = compressed {
                    prop_assert!(inflate(compressed, cluster.len()) == cluster);
                }
            }
        }
    }

    #[test]
    fn extreme_clusters_are_restored() {
        let mut rare = Vec::new();
        // Frequencies as Fibonacci numbers lead to the longest codes.
        let (mut count, mut next) = (1, 1);
        for symbol in 0..25u8 {
            rare.extend(std::iter::repeat_n(symbol, count));
            (count, next) = (next, count + next);
        }
        let mixed = (0..rare.len()).map(|at| rare[at * 7919 % rare.len()]).collect::<Vec<_>>();
        let steps = (0..2u32 << 20).map(|at| (at.wrapping_mul(at) >> 11) as u8).collect::<Vec<_>>();
        for cluster in [vec![7; 512], vec![7; 2 << 20], rare, mixed, steps, b"ab".repeat(300)] {
            for level in [1, 3, 9] {
                let mut deflate = Deflate::new(level);
                let compressed = deflate.compress(&cluster).unwrap();
                assert!(inflate(compressed, cluster.len()) == cluster);
            }
        }
    }

    #[test]
    fn what_is_not_shorter_is_no_compressed_form() {
        let mut state = 1u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(64 << 10)
        .collect();
        assert_eq!(Deflate::new(3).compress(&noise), None);
        assert_eq!(Deflate::new(3).compress(b"a"), None);
        assert_eq!(Deflate::new(3).compress(b""), None);
    }
}
