//! The checksums that headers carry: bit by bit, as headers are small.

/// CRC-32 as in zlib, of a GPT.
pub(crate) fn crc32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    reflected(0xedb8_8320, bytes)
}

/// CRC-32C (Castagnoli), of VHDX.
pub(crate) fn crc32c(bytes: impl IntoIterator<Item = u8>) -> u32 {
    reflected(0x82f6_3b78, bytes)
}

fn reflected(polynomial: u32, bytes: impl IntoIterator<Item = u8>) -> u32 {
    !bytes.into_iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (polynomial & (crc & 1).wrapping_neg());
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn check_values_of_the_catalogue() {
        assert_eq!(super::crc32(*b"123456789"), 0xcbf4_3926);
        assert_eq!(super::crc32c(*b"123456789"), 0xe306_9283);
    }
}
