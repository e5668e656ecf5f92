//! The checksums of VHD and VHDX, implemented from their specifications.

use std::ops::Range;

/// Offsets and values of the checksums in an image of `length` bytes; none for other formats.
pub(crate) fn of(length: u64, read: impl Fn(Range<u64>) -> Vec<u8>) -> Vec<(u64, [u8; 4])> {
    let has = |at: u64, magic: &[u8]| {
        let end = at.saturating_add(magic.len() as u64);
        end <= length && read(at..end) == magic
    };
    let mut sums = Vec::new();
    if has(0, b"vhdxfile") {
        for (at, bytes) in [(64 << 10, 4096), (128 << 10, 4096), (192 << 10, 64 << 10)] {
            if at + bytes <= length {
                let structure = zeroed(read(at..at + bytes), 4);
                sums.push((at + 4, crc32c(&structure).to_le_bytes()));
            }
        }
    }
    for footer in [0, length.saturating_sub(512)] {
        if has(footer, b"conectix") && footer + 512 <= length {
            let structure = zeroed(read(footer..footer + 512), 64);
            sums.push((footer + 64, ones_complement(&structure)));
            let header = u64::from_be_bytes(structure[16..24].try_into().unwrap());
            if has(header, b"cxsparse") && header + 1024 <= length {
                let structure = zeroed(read(header..header + 1024), 36);
                sums.push((header + 36, ones_complement(&structure)));
            }
        }
    }
    sums
}

/// Clears the field of the checksum, which it does not cover.
fn zeroed(mut structure: Vec<u8>, field: usize) -> Vec<u8> {
    structure[field..field + 4].fill(0);
    structure
}

fn ones_complement(bytes: &[u8]) -> [u8; 4] {
    (!bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>()).to_be_bytes()
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}
