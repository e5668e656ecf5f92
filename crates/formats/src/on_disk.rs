//! Fields of headers and tables. Bytes after the end, or that were not read, are `None`.

/// Bytes of a sector, the unit of most sizes.
pub const SECTOR: u64 = 512;

/// The end of the farthest read that qemu allows (`BDRV_MAX_LENGTH`).
pub(crate) const MAX_OFFSET: u64 = i64::MAX as u64 - ((1 << 30) - 1);

/// The first `most` bytes, or all if there are fewer.
pub(crate) fn first(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

/// The last `most` bytes, or all if there are fewer.
pub(crate) fn last(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(most)..).unwrap_or(bytes)
}

/// The bytes with a field of 32 bits as zeros, since a checksum does not cover its own field.
pub(crate) fn without_field(bytes: &[u8], at: usize) -> impl Iterator<Item = u8> {
    let bytes = bytes.iter().enumerate();
    bytes.map(move |(n, &byte)| if (at..at + 4).contains(&n) { 0 } else { byte })
}

/// Bytes as text for a message: printable ASCII unchanged, the rest escaped, long names truncated.
pub(crate) fn shown(bytes: &[u8]) -> String {
    first(bytes, 200).escape_ascii().to_string()
}

/// The bytes up to the first NUL.
pub(crate) fn c_string(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// The `N` bytes from `offset` on.
#[must_use]
pub fn bytes<const N: usize>(head: &[u8], offset: usize) -> Option<[u8; N]> {
    head.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

pub(crate) fn be16(head: &[u8], offset: usize) -> Option<u16> {
    bytes(head, offset).map(u16::from_be_bytes)
}

/// A big-endian number of 32 bits.
#[must_use]
pub fn be32(head: &[u8], offset: usize) -> Option<u32> {
    bytes(head, offset).map(u32::from_be_bytes)
}

/// A big-endian number of 64 bits.
#[must_use]
pub fn be64(head: &[u8], offset: usize) -> Option<u64> {
    bytes(head, offset).map(u64::from_be_bytes)
}

/// A little-endian number of 16 bits.
#[must_use]
pub fn le16(head: &[u8], offset: usize) -> Option<u16> {
    bytes(head, offset).map(u16::from_le_bytes)
}

/// A little-endian number of 32 bits.
#[must_use]
pub fn le32(head: &[u8], offset: usize) -> Option<u32> {
    bytes(head, offset).map(u32::from_le_bytes)
}

/// A little-endian number of 64 bits.
#[must_use]
pub fn le64(head: &[u8], offset: usize) -> Option<u64> {
    bytes(head, offset).map(u64::from_le_bytes)
}
