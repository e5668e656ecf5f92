//! Numbers in headers.

#[derive(Clone, Copy)]
pub(super) enum ByteOrder {
    Big,
    Little,
}

/// An unsigned number; bytes after the end count as zero.
pub(super) fn number(head: &[u8], offset: usize, bytes: usize, order: ByteOrder) -> u64 {
    let byte = |at: usize| u64::from(head.get(offset + at).copied().unwrap_or(0));
    match order {
        ByteOrder::Big => (0..bytes).fold(0, |sum, at| sum << 8 | byte(at)),
        ByteOrder::Little => (0..bytes).rev().fold(0, |sum, at| sum << 8 | byte(at)),
    }
}
