//! Memory of zeros, and detection of zeros.

use std::sync::LazyLock;

use bytes::Bytes;
use memmap2::MmapMut;

use crate::pool::CHUNK_BYTES;

/// Zeros of the length of a chunk, which are hashed and sent in place of those that were read.
///
/// An anonymous mapping that is only read takes no memory: all of it is one page of the kernel, which stays
/// in the first-level cache. With fewer bytes a chunk would take several steps through all queues.
static ZEROS: LazyLock<Bytes> =
    LazyLock::new(|| match MmapMut::map_anon(CHUNK_BYTES).and_then(MmapMut::make_read_only) {
        Ok(mapping) => Bytes::from_owner(mapping),
        Err(_) => Bytes::from_static(&PAGE),
    });

static PAGE: [u8; 4096] = [0; 4096];

/// The first `count` zeros, or as many as are contiguous.
pub(crate) fn zeros(count: u64) -> Bytes {
    let length = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
    ZEROS.slice(..length)
}

/// Whether all bytes are zero.
///
/// Compares with a page of zeros, which fits the first-level cache beside the data. The `memcmp` of the
/// system is fast in every build profile; a loop here would be fast only where it is optimised. The
/// comparison of data ends at its first byte that is not zero.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(PAGE.len()).all(|piece| PAGE.starts_with(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_zeros() {
        assert_eq!(zeros(u64::MAX).len(), CHUNK_BYTES);
        assert!(is_zero(&zeros(u64::MAX)));
        assert_eq!(zeros(0), Bytes::new());
        assert_eq!(zeros(3), [0; 3][..]);
    }

    #[test]
    fn one_byte_that_is_not_zero_is_found_wherever_it_is() {
        for length in [0, 1, 31, 4095, 4096, 4097, 3 * 4096 + 7] {
            // The slice is not aligned.
            let mut bytes = vec![0; length + 1];
            assert!(is_zero(&bytes[1..]), "{length}");
            for at in (1..=length).step_by(61).chain((length > 0).then_some(length)) {
                bytes[at] = 1;
                assert!(!is_zero(&bytes[1..]), "{length}, {at}");
                bytes[at] = 0;
            }
        }
    }
}
