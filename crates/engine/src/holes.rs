//! Blocks of zeros, which become holes of a file.

use std::ops::Range;

use imgpush_source::is_zero;

/// Bytes of a block that can become a hole; no common file system has larger blocks.
const HOLE_BYTES: u64 = 64 << 10;

/// The parts of `bytes`, which begin at byte `offset` of a file, that are not blocks of zeros. Blocks are aligned
/// in the file; those at both ends count as far as they are in `bytes`.
pub(crate) fn without_holes(offset: u64, bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    let mut block = move || {
        let start = next;
        let to_boundary = HOLE_BYTES - (offset + start as u64) % HOLE_BYTES;
        next = usize::try_from(to_boundary).map_or(bytes.len(), |b| bytes.len().min(start + b));
        (start < bytes.len()).then(|| (start..next, is_zero(&bytes[start..next])))
    };
    std::iter::from_fn(move || {
        let mut data: Option<Range<usize>> = None;
        while let Some((block, is_hole)) = block() {
            match (&mut data, is_hole) {
                (None, true) => {}
                (None, false) => data = Some(block),
                (Some(_), true) => break,
                (Some(data), false) => data.end = block.end,
            }
        }
        data
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start and the end of each part.
    fn parts(offset: u64, bytes: &[u8]) -> Vec<(usize, usize)> {
        without_holes(offset, bytes).map(|part| (part.start, part.end)).collect()
    }

    #[test]
    fn blocks_are_aligned_in_the_file() {
        let block = 64 << 10;
        let mut bytes = vec![0; 5 * block];
        bytes[2 * block + 7] = 1;
        bytes[3 * block + 9] = 1;
        assert_eq!(parts(0, &bytes), [(2 * block, 4 * block)]);
        // The blocks of the file begin 8 bytes later in the data, after the first of both and before the other.
        let offset = block as u64 - 8;
        assert_eq!(
            parts(offset, &bytes),
            [(block + 8, 2 * block + 8), (3 * block + 8, 4 * block + 8)]
        );
        assert_eq!(parts(5, &[]), []);
        assert_eq!(parts(5, &[0; 9]), []);
        assert_eq!(parts(5, &[1; 9]), [(0, 9)]);
    }
}
