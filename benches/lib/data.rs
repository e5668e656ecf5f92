//! Files to push.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Writes a file of this number of MiB that is no disk image and cannot be compressed; `see` gets the written
/// bytes.
///
/// # Panics
///
/// If there is not enough space.
pub fn write(path: &Path, mib: u64, mut see: impl FnMut(&[u8])) {
    let mut file = File::create(path).unwrap();
    let mut state = 1u64;
    let mut block = vec![0; 1 << 20];
    for _ in 0..mib {
        for word in block.chunks_exact_mut(8) {
            // Marsaglia's xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        see(&block);
        file.write_all(&block).unwrap();
    }
}

/// Creates a file of this number of GiB without data.
///
/// # Panics
///
/// If the file system does not support it.
pub fn sparse(path: &Path, gib: u64) {
    File::create(path).unwrap().set_len(gib << 30).unwrap();
}
