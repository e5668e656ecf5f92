//! The search for earlier bytes that are the same.

use super::block::{LEAST_MATCH, MOST_MATCH};

/// Bytes of the window, and positions in the chains.
const WINDOW: usize = 1 << 12;

/// The largest distance, less than the window, so that a chain has a place for each position within it.
const MOST_DISTANCE: u16 = WINDOW as u16 - 1;

/// Four bytes are hashed to this number of bits, three to one less.
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
/// The tables hold the low 16 bits of positions, which keeps them small. A position of a larger cluster can
/// seem to be in the window when it is not. It is a candidate like others then: its bytes are compared.
pub(super) struct Matches {
    /// The cluster, and zeros after it, so that eight bytes can be read at each of its positions.
    data: Vec<u8>,
    length: usize,
    /// The last position with a hash of four bytes.
    heads: Box<[u16; 1 << HASH_BITS]>,
    /// The same for three bytes.
    heads_of_three: Box<[u16; 1 << (HASH_BITS - 1)]>,
    /// The position before each one with the same hash of four bytes.
    chains: Box<[u16; WINDOW]>,
}

impl Default for Matches {
    fn default() -> Self {
        Matches {
            data: Vec::new(),
            length: 0,
            heads: Box::new([0; _]),
            heads_of_three: Box::new([0; _]),
            chains: Box::new([0; _]),
        }
    }
}

impl Matches {
    /// Begins with another cluster. All positions refer to its first byte, which is compared like others.
    pub(super) fn begin(&mut self, cluster: &[u8]) {
        self.heads.fill(0);
        self.heads_of_three.fill(0);
        self.length = cluster.len();
        self.data.clear();
        self.data.extend_from_slice(cluster);
        self.data.extend_from_slice(&[0; 8]);
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.data.get(at).copied().unwrap_or(0)
    }

    /// Adds the position to the tables.
    #[inline]
    pub(super) fn skip(&mut self, at: usize) {
        let bytes = self.eight(at) as u32;
        let head = slot(&mut self.heads, hash(bytes));
        *slot(&mut self.chains, at) = std::mem::replace(head, at as u16);
        *slot(&mut self.heads_of_three, hash(bytes << 8) >> 1) = at as u16;
    }

    /// Adds the position to the tables, and finds the longest match at it that is longer than `longer_than`.
    /// The search ends at one of `good` bytes, or after `depth` candidates.
    #[inline]
    pub(super) fn find(&mut self, at: usize, longer_than: usize, depth: u32, good: usize) -> Match {
        let most = (self.length - at).min(MOST_MATCH);
        let here = self.eight(at);
        let head = slot(&mut self.heads, hash(here as u32));
        let mut candidate = std::mem::replace(head, at as u16);
        *slot(&mut self.chains, at) = candidate;
        let three = slot(&mut self.heads_of_three, hash((here as u32) << 8) >> 1);
        let of_three = std::mem::replace(three, at as u16);

        let mut best = Match::default();
        let mut longest = longer_than;
        if longest >= most {
            return best;
        }
        if longest < LEAST_MATCH {
            let distance = (at as u16).wrapping_sub(of_three);
            if is_in_window(distance) && (here ^ self.before(at, distance)) & 0xff_ffff == 0 {
                best = Match { length: LEAST_MATCH, distance: usize::from(distance) };
                longest = LEAST_MATCH;
                if longest >= most {
                    return best;
                }
            }
        }
        let good = good.min(most);
        let mut tail = longest.saturating_sub(3);
        let mut wanted = self.eight(at + tail) as u32;
        let mut last = 0;
        for _ in 0..depth {
            let distance = (at as u16).wrapping_sub(candidate);
            // Positions of a chain become older; otherwise it was overwritten.
            if !is_in_window(distance) || distance <= last {
                break;
            }
            last = distance;
            // The last four of the bytes that a longer match has.
            if self.before(at + tail, distance) as u32 == wanted {
                let from = at.saturating_sub(usize::from(distance));
                let length = self.common(at, from, most);
                if length > longest {
                    longest = length;
                    best = Match { length, distance: usize::from(distance) };
                    if length >= good {
                        break;
                    }
                    tail = length - 3;
                    wanted = self.eight(at + tail) as u32;
                }
            }
            candidate = *slot(&mut self.chains, usize::from(candidate));
        }
        best
    }

    /// Eight bytes at a distance before the position.
    #[inline]
    fn before(&self, at: usize, distance: u16) -> u64 {
        self.eight(at.wrapping_sub(usize::from(distance)))
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

#[inline]
fn is_in_window(distance: u16) -> bool {
    distance.wrapping_sub(1) < MOST_DISTANCE
}

/// The element of a table whose length is a power of two.
#[inline]
fn slot<const N: usize>(table: &mut [u16; N], index: usize) -> &mut u16 {
    const { assert!(N.is_power_of_two()) };
    #[expect(clippy::indexing_slicing, reason = "the index is masked to the length of the array")]
    &mut table[index & (N - 1)]
}

#[inline]
fn hash(bytes: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}
