//! Test data, and digests of it that are not computed by the tested code.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha512};

/// Returns this number of bytes without repetitions, so that misplaced ones are detected.
#[must_use]
pub fn pattern(bytes: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(bytes);
    write_pattern(&mut data, bytes as u64);
    data
}

/// Returns this number of bytes: zeros, with these parts at their offsets.
#[must_use]
pub fn zeros_with(bytes: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut data = vec![0; bytes];
    for (offset, part) in parts {
        data[*offset..offset + part.len()].copy_from_slice(part);
    }
    data
}

/// Creates a file with bytes of [`pattern`] in a folder.
pub fn pattern_file(folder: &Path, name: &str, bytes: u64) -> PathBuf {
    let path = folder.join(name);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
    write_pattern(&mut out, bytes);
    out.flush().unwrap();
    path
}

fn write_pattern(out: &mut impl Write, bytes: u64) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut left = bytes;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let length = left.min(8);
        out.write_all(&state.to_le_bytes()[..length as usize]).unwrap();
        left -= length;
    }
}

/// Returns bytes in hex.
#[must_use]
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the SHA-512 in hex.
#[must_use]
pub fn sha512(data: impl AsRef<[u8]>) -> String {
    hex(Sha512::digest(data))
}

/// Returns the SHA-512 of a file like [`sha512sums`].
#[must_use]
pub fn sha512sum(file: impl AsRef<Path>) -> String {
    sha512sums(&[file]).remove(0)
}

/// Returns the SHA-512 of each file, computed by a program of the system that shares no code with this
/// workspace.
#[must_use]
pub fn sha512sums(files: &[impl AsRef<Path>]) -> Vec<String> {
    let output = Command::new("sha512sum").args(files.iter().map(AsRef::as_ref)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let first = |line: &str| line.split(' ').next().unwrap().to_owned();
    String::from_utf8(output.stdout).unwrap().lines().map(first).collect()
}
