//! Files to push.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Writes a file of so many MiB that is no disk image and cannot be packed; what `see` sees of it is
/// what was written.
///
/// # Panics
///
/// When there is no room.
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

/// Makes a file of so many GiB without any data.
///
/// # Panics
///
/// When the file system cannot.
pub fn sparse(path: &Path, gib: u64) {
    File::create(path).unwrap().set_len(gib << 30).unwrap();
}
