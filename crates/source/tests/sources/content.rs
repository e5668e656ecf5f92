//! Test data.

/// Bytes in which every misplaced page is detected: no two adjacent pages are equal, and half of them are
/// noise.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut noise = 0x2545_f491_u32;
    (0..length)
        .map(|i| {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            if i / 1000 % 2 == 0 { (i % 251) as u8 } else { noise as u8 }
        })
        .collect()
}
