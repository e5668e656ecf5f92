//! Tells zeros from other bytes.

/// Bytes that are compared at a time. They and as many of the data fit the first-level cache.
const PAGE_BYTES: usize = 4096;

static PAGE: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// Whether all bytes are zero.
///
/// Compares with a page of zeros: the `memcmp` of the system is fast in every build profile, which a loop
/// of our own is only where it is optimised. Data ends the comparison at its first byte that is not zero.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(PAGE_BYTES).all(|piece| *piece == PAGE[..piece.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_that_is_not_zero_is_found_wherever_it_is() {
        for length in [0, 1, 31, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, 3 * PAGE_BYTES + 7] {
            // Not aligned.
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
