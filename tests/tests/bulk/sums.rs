//! Digests to compare with.

use std::path::PathBuf;
use std::process::Command;

use imgpush_tests::text;

/// The SHA-512 of each, by a program of the system, which shares no code with anything here.
pub(crate) fn sha512sums(files: &[PathBuf]) -> Vec<String> {
    let output = Command::new("sha512sum").args(files).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let first = |line: &str| line.split(' ').next().unwrap().to_owned();
    text(&output.stdout).lines().map(first).collect()
}
