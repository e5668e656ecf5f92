//! Filling a buffer with several reads.

/// The part of a buffer after the filled bytes; none when it is full.
pub(crate) fn unfilled(space: &mut [u8], filled: usize) -> Option<&mut [u8]> {
    space.get_mut(filled..).filter(|rest| !rest.is_empty())
}

/// Copies bytes until one of the slices is exhausted, and returns their number.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    let ((to, _), (from, _)) = (to.split_at_mut(count), from.split_at(count));
    to.copy_from_slice(from);
    count
}
