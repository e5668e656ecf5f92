//! The search for earlier bytes that are the same.

use super::block::{LEAST_MATCH, MOST_MATCH};

/// The largest distance; the window has one byte more.
const MOST_DISTANCE: u32 = WINDOW as u32 - 1;

/// Bytes of the window, and positions in the chains.
const WINDOW: usize = 1 << 12;

const HASH_BITS: u32 = 13;

/// A match at the current position.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Match {
    /// 0 if there is none.
    pub(super) length: usize,
    pub(super) distance: usize,
}

/// The positions of a window, by their first bytes.
///
/// Positions are counted over all clusters, so that a new cluster need not clear the tables: a position before
/// its start counts as none.
pub(super) struct Matches {
    /// The cluster, and zeros after it, so that eight bytes can be read at each of its positions.
    data: Vec<u8>,
    length: usize,
    /// The position of the first byte of the cluster.
    start: u32,
    /// The last position with a hash of four bytes.
    heads: Box<[u32; 1 << HASH_BITS]>,
    /// The same for three bytes.
    heads_of_three: Box<[u32; 1 << HASH_BITS]>,
    /// The position before each one with the same hash of four bytes.
    chains: Box<[u32; WINDOW]>,
}

impl Default for Matches {
    fn default() -> Self {
        Matches {
            data: Vec::new(),
            length: 0,
            start: 1,
            heads: Box::new([0; _]),
            heads_of_three: Box::new([0; _]),
            chains: Box::new([0; _]),
        }
    }
}

impl Matches {
    /// Begins with another cluster.
    pub(super) fn begin(&mut self, cluster: &[u8]) {
        let after = u64::from(self.start) + self.length as u64;
        match u32::try_from(after + cluster.len() as u64 + WINDOW as u64) {
            Ok(_) => self.start = after as u32,
            Err(_) => {
                // Positions begin again.
                self.start = 1;
                self.heads.fill(0);
                self.heads_of_three.fill(0);
            }
        }
        self.length = cluster.len();
        self.data.clear();
        self.data.extend_from_slice(cluster);
        self.data.extend_from_slice(&[0; 8]);
    }

    /// Continues with positions from here on.
    #[cfg(test)]
    pub(super) fn jump(&mut self, position: u32) {
        (self.start, self.length) = (position, 0);
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.data.get(at).copied().unwrap_or(0)
    }

    /// Adds the position to the tables.
    #[inline]
    pub(super) fn skip(&mut self, at: usize) {
        let position = self.start + at as u32;
        let bytes = self.eight(at) as u32;
        let head = slot(&mut self.heads, hash(bytes));
        let before = std::mem::replace(head, position);
        *slot(&mut self.heads_of_three, hash(bytes << 8)) = position;
        *slot(&mut self.chains, position as usize) = before;
    }

    /// Adds the position to the tables, and finds the longest match at it that is longer than `longer_than`.
    /// It ends with one of `good` bytes, or after `depth` candidates.
    #[inline]
    pub(super) fn find(&mut self, at: usize, longer_than: usize, depth: u32, good: usize) -> Match {
        let most = (self.length - at).min(MOST_MATCH);
        let good = good.min(most);
        let position = self.start + at as u32;
        let oldest = self.start.max(position.saturating_sub(MOST_DISTANCE));
        let here = self.eight(at);
        let head = slot(&mut self.heads, hash(here as u32));
        let mut candidate = std::mem::replace(head, position);
        *slot(&mut self.chains, position as usize) = candidate;
        let three = slot(&mut self.heads_of_three, hash((here as u32) << 8));
        let of_three = std::mem::replace(three, position);

        let mut best = Match::default();
        let mut longest = longer_than;
        if longest >= most {
            return best;
        }
        if longest < LEAST_MATCH && of_three >= oldest {
            let distance = position - of_three;
            let there = self.eight(at - distance as usize);
            if (here ^ there) & 0xff_ffff == 0 {
                best = Match { length: LEAST_MATCH, distance: distance as usize };
                longest = LEAST_MATCH;
                if longest >= most {
                    return best;
                }
            }
        }
        for _ in 0..depth {
            if candidate < oldest {
                break;
            }
            let distance = (position - candidate) as usize;
            candidate = *slot(&mut self.chains, candidate as usize);
            let from = at - distance;
            // The last four of the bytes that a longer match has, and then the first ones.
            let tail = (longest + 1).saturating_sub(4);
            let tails = self.eight(at + tail) ^ self.eight(from + tail);
            if tails as u32 != 0 {
                continue;
            }
            let length = self.common(at, from, most);
            if length > longest {
                longest = length;
                best = Match { length, distance };
                if length >= good {
                    break;
                }
            }
        }
        best
    }

    /// The number of bytes that are the same at two positions, at most `most`.
    #[inline]
    fn common(&self, at: usize, from: usize, most: usize) -> usize {
        let mut length = 0;
        while length < most {
            let difference = self.eight(at + length) ^ self.eight(from + length);
            if difference != 0 {
                return (length + difference.trailing_zeros() as usize / 8).min(most);
            }
            length += 8;
        }
        most
    }

    #[inline]
    fn eight(&self, at: usize) -> u64 {
        let bytes = self.data.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// The element of a table whose length is a power of two.
#[inline]
fn slot<const N: usize>(table: &mut [u32; N], index: usize) -> &mut u32 {
    const { assert!(N.is_power_of_two()) };
    #[expect(clippy::indexing_slicing, reason = "the index is masked to the length of the array")]
    &mut table[index & (N - 1)]
}

#[inline]
fn hash(bytes: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}
