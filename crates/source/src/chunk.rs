//! The next bytes of a source, and whether they are zeros.
//!
//! A source states what it knows of each chunk, and each consumer may use that: zeros need no buffer, are
//! hashed and sent from shared memory, and can become a hole in a file.

use std::iter::FusedIterator;

use bytes::Bytes;

use crate::zeros::{is_zero, zeros};

/// The next bytes of a source.
///
/// All variants stand for bytes that were read. Zeros differ from data only in that they need no memory. A
/// consumer that does not distinguish them uses [`slices`](Chunk::slices) for every variant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Chunk {
    /// Bytes in a buffer, which may be zeros too.
    Data(Bytes),
    /// This number of zeros.
    Zero(u64),
    /// This number of zeros, which occupy no space in the source.
    Hole(u64),
}

impl Chunk {
    /// Returns [`Zero`](Chunk::Zero) if all bytes are zeros, which releases their buffer, and
    /// [`Data`](Chunk::Data) otherwise. The comparison of data ends at its first byte that is not zero.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        if !bytes.is_empty() && is_zero(&bytes) {
            Chunk::Zero(bytes.len() as u64)
        } else {
            Chunk::Data(bytes)
        }
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Chunk::Data(bytes) => bytes.len() as u64,
            Chunk::Zero(length) | Chunk::Hole(length) => *length,
        }
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all bytes are known to be zeros; those of [`Data`](Chunk::Data) are not examined.
    #[must_use]
    pub fn is_zeros(&self) -> bool {
        !matches!(self, Chunk::Data(_))
    }

    /// The bytes in order, as slices of memory: [`Data`](Chunk::Data) as one slice, zeros as slices of shared
    /// memory.
    #[must_use]
    pub fn slices(&self) -> Slices {
        self.clone().into_slices()
    }

    /// Like [`slices`](Chunk::slices); the buffer is released when its slice is dropped.
    #[must_use]
    pub fn into_slices(self) -> Slices {
        Slices(self)
    }

    /// Splits off the first `count` bytes, and leaves the rest. Nothing is copied.
    ///
    /// # Panics
    ///
    /// When there are fewer bytes.
    #[must_use]
    pub fn split_to(&mut self, count: u64) -> Self {
        assert!(count <= self.len(), "a chunk of {} bytes was split at {count}", self.len());
        match self {
            Chunk::Data(bytes) => {
                let count = usize::try_from(count).expect("no more than are in memory");
                Chunk::Data(bytes.split_to(count))
            }
            Chunk::Zero(length) => {
                *length -= count;
                Chunk::Zero(count)
            }
            Chunk::Hole(length) => {
                *length -= count;
                Chunk::Hole(count)
            }
        }
    }

    /// Takes the next contiguous bytes, at most `most` of them; none if no bytes are left.
    ///
    /// # Panics
    ///
    /// When `most` is 0.
    pub fn next_slice(&mut self, most: usize) -> Option<Bytes> {
        assert!(most > 0, "a slice has at least one byte");
        match self {
            _ if self.is_empty() => None,
            // Moves all bytes out, so that this chunk holds no reference to the buffer.
            Chunk::Data(bytes) if bytes.len() <= most => Some(std::mem::take(bytes)),
            Chunk::Data(bytes) => Some(bytes.split_to(most)),
            Chunk::Zero(left) | Chunk::Hole(left) => {
                let slice = zeros((*left).min(most as u64));
                *left -= slice.len() as u64;
                Some(slice)
            }
        }
    }
}

/// Creates [`Data`](Chunk::Data) without examining the bytes.
impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Chunk::Data(bytes)
    }
}

/// The bytes of a [`Chunk`] as slices of memory.
#[derive(Clone, Debug)]
pub struct Slices(Chunk);

impl Default for Slices {
    fn default() -> Self {
        Slices(Chunk::Zero(0))
    }
}

impl Iterator for Slices {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.0.next_slice(usize::MAX)
    }
}

impl FusedIterator for Slices {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{CHUNK_BYTES, Pool};

    const LENGTHS: [u64; 4] = [0, 1, 1 << 20, (2 << 20) + 77];

    /// A chunk of each variant, with the bytes that it stands for.
    fn chunks(length: u64) -> [(Chunk, Vec<u8>); 4] {
        let length_in_memory = usize::try_from(length).unwrap();
        let zeros = vec![0; length_in_memory];
        let data =
            [1, 2, 3, 5, 8, 13, 21].repeat(length_in_memory / 7 + 1)[..length_in_memory].to_vec();
        [
            (Chunk::Data(data.clone().into()), data),
            (Chunk::Data(zeros.clone().into()), zeros.clone()),
            (Chunk::Zero(length), zeros.clone()),
            (Chunk::Hole(length), zeros),
        ]
    }

    fn bytes(chunk: &Chunk) -> Vec<u8> {
        chunk.slices().collect::<Vec<_>>().concat()
    }

    #[test]
    fn slices_are_all_bytes_of_every_variant() {
        for length in LENGTHS {
            for (chunk, expected) in chunks(length) {
                assert_eq!((chunk.len(), chunk.is_empty()), (length, length == 0));
                assert!(bytes(&chunk) == expected, "{length}: {chunk:?}");
                assert!(chunk.slices().all(|slice| !slice.is_empty()));
            }
        }
    }

    #[test]
    fn a_chunk_can_be_split_anywhere() {
        for length in LENGTHS {
            for (chunk, expected) in chunks(length) {
                for at in [0, length / 3, length.saturating_sub(1), length] {
                    let mut rest = chunk.clone();
                    let first = rest.split_to(at);
                    assert_eq!((first.len(), rest.len()), (at, length - at));
                    assert_eq!(std::mem::discriminant(&first), std::mem::discriminant(&rest));
                    assert!([bytes(&first), bytes(&rest)].concat() == expected, "{at} of {length}");
                }
                for most in [2 << 20, 1 << 20, 77_777] {
                    let mut rest = chunk.clone();
                    let pieces: Vec<_> = std::iter::from_fn(|| rest.next_slice(most)).collect();
                    assert!(pieces.iter().all(|piece| piece.len() <= most));
                    assert!(pieces.concat() == expected, "{most} of {length}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "was split at 4")]
    fn a_chunk_cannot_be_split_after_its_end() {
        let _ = Chunk::Hole(3).split_to(4);
    }

    #[test]
    fn only_zeros_are_zeros() {
        assert!(matches!(Chunk::of(vec![0; 70_000].into()), Chunk::Zero(70_000)));
        let mut data = vec![0; 70_000];
        data[69_999] = 1;
        assert!(matches!(Chunk::of(data.into()), Chunk::Data(_)));
        assert!(matches!(Chunk::of(Bytes::new()), Chunk::Data(_)));
    }

    #[test]
    fn zeros_of_any_length_take_no_memory() {
        let mut chunk = Chunk::Hole(u64::MAX);
        assert_eq!(chunk.split_to(1 << 40).len(), 1 << 40);
        assert_eq!(chunk.next_slice(usize::MAX).unwrap().len(), CHUNK_BYTES);
    }

    #[test]
    fn a_buffer_returns_to_the_pool_when_its_slice_is_dropped() {
        let pool = Pool::new(1, 4096);
        let mut slices = Chunk::Data(pool.take().unwrap().into_chunk(9)).into_slices();
        drop(slices.next());
        drop(pool.take().unwrap());
        assert!(slices.next().is_none());
    }
}
