//! The virtual size of a VHDX, which its metadata region contains.

use super::number::{ByteOrder, number};

pub(super) const MAGIC: &[u8] = b"vhdxfile";

/// The first region table.
const REGIONS: usize = 192 << 10;
/// The ids of the metadata region and of the virtual size in it.
const METADATA: [u8; 16] = [
    0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e,
];
const VIRTUAL_SIZE: [u8; 16] = [
    0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8,
];
/// Entries of 32 bytes in a table, at most.
const ENTRIES: u64 = 2047;

pub(super) fn virtual_size(head: &[u8]) -> Option<u64> {
    let table = head.get(REGIONS..).filter(|table| table.starts_with(b"regi"))?;
    let region = entry(table, 16, number(table, 8, 4, ByteOrder::Little), METADATA)?;
    let metadata = head.get(at(region, 16, 8)..)?;
    let metadata = Some(metadata).filter(|data| data.starts_with(b"metadata"))?;
    let item = entry(metadata, 32, number(metadata, 10, 2, ByteOrder::Little), VIRTUAL_SIZE)?;
    let value = metadata.get(at(item, 16, 4)..)?.get(..8)?;
    Some(number(value, 0, 8, ByteOrder::Little))
}

/// The entry with an id in a table whose entries start at this offset.
fn entry(table: &[u8], start: usize, count: u64, id: [u8; 16]) -> Option<&[u8]> {
    let count = usize::try_from(count.min(ENTRIES)).ok()?;
    table.get(start..)?.chunks_exact(32).take(count).find(|entry| entry.starts_with(&id))
}

/// An offset that an entry contains.
fn at(entry: &[u8], offset: usize, bytes: usize) -> usize {
    usize::try_from(number(entry, offset, bytes, ByteOrder::Little)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::data;
    use super::super::{Sample, check};
    use super::*;

    /// A VHDX whose metadata region starts at 2 MiB, as qemu-img creates it.
    #[test]
    fn the_size_is_read_from_the_metadata() {
        let metadata = 2 << 20;
        let mut data = data(
            3 << 20,
            &[
                (0, MAGIC),
                (REGIONS, b"regi\0\0\0\0\x02"),
                (REGIONS + 48, &METADATA),
                (REGIONS + 64, &(metadata as u64).to_le_bytes()),
                (metadata, b"metadata\0\0\x03"),
                (metadata + 32 + 64, &VIRTUAL_SIZE),
                (metadata + 32 + 80, &0x1_0000u32.to_le_bytes()),
                (metadata + 0x1_0000, &(5u64 << 30).to_le_bytes()),
            ],
        );
        assert_eq!(check(&Sample::of(&data), "vhdx"), Ok(Some(5 << 30)));
        // A table that ends before its entries.
        data[REGIONS + 8] = 1;
        assert_eq!(check(&Sample::of(&data), "vhdx"), Ok(None));
        assert_eq!(check(&Sample::of(&data[..REGIONS + 20]), "vhdx"), Ok(None));
    }
}
