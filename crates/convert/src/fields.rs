//! Fields of headers and tables. Bytes after the end are `None`.

/// Bytes of a sector, the unit of most sizes.
pub(crate) const SECTOR: u64 = 512;

pub(crate) fn bytes<const N: usize>(head: &[u8], offset: usize) -> Option<[u8; N]> {
    head.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

pub(crate) fn be32(head: &[u8], offset: usize) -> Option<u32> {
    bytes(head, offset).map(u32::from_be_bytes)
}

pub(crate) fn be64(head: &[u8], offset: usize) -> Option<u64> {
    bytes(head, offset).map(u64::from_be_bytes)
}

pub(crate) fn le16(head: &[u8], offset: usize) -> Option<u16> {
    bytes(head, offset).map(u16::from_le_bytes)
}

pub(crate) fn le32(head: &[u8], offset: usize) -> Option<u32> {
    bytes(head, offset).map(u32::from_le_bytes)
}

pub(crate) fn le64(head: &[u8], offset: usize) -> Option<u64> {
    bytes(head, offset).map(u64::from_le_bytes)
}
