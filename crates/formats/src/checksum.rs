//! The checksums in headers.

/// CRC-32 as in zlib, used by GPT.
pub(crate) fn crc32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    const TABLE: [u32; 256] = table(0xedb8_8320);
    reflected(&TABLE, bytes)
}

/// CRC-32C (Castagnoli), used by VHDX.
pub(crate) fn crc32c(bytes: impl IntoIterator<Item = u8>) -> u32 {
    const TABLE: [u32; 256] = table(0x82f6_3b78);
    reflected(&TABLE, bytes)
}

#[expect(clippy::indexing_slicing, reason = "a byte is an index of the table")]
fn reflected(table: &[u32; 256], bytes: impl IntoIterator<Item = u8>) -> u32 {
    !bytes.into_iter().fold(u32::MAX, |crc, byte| (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)])
}

/// The contribution of each byte to the checksum.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (polynomial & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    #[test]
    fn check_values_of_the_catalogue() {
        assert_eq!(super::crc32(*b"123456789"), 0xcbf4_3926);
        assert_eq!(super::crc32c(*b"123456789"), 0xe306_9283);
    }
}
