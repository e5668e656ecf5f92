//! What is pushed.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgpush_tests::{pattern_file, text};

use super::scene::{MIB, Scene};

/// The images of a batch, of 1 to 4 MiB; each has a size of its own, so all are different.
pub(crate) fn batch(scene: &Scene, name: &str, count: u64) -> Vec<PathBuf> {
    let image = |number: u64| {
        let place = scene.place(&format!("{name}-{number}.raw"));
        let bytes = MIB * (1 + number % 4) + 513 * number;
        pattern_file(scene.folder.path(), place.file_name().unwrap().to_str().unwrap(), bytes)
    };
    (0..count).map(image).collect()
}

/// An image whose content does not matter but for being no other's.
pub(crate) fn sparse(place: &Path, bytes: u64) {
    let mut file = File::create(place).unwrap();
    writeln!(file, "{}", place.display()).unwrap();
    file.set_len(bytes).unwrap();
}

/// The SHA-512 of each, by a program of the system, which shares no code with anything here.
pub(crate) fn sha512sums(files: &[PathBuf]) -> Vec<String> {
    let output = Command::new("sha512sum").args(files).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let first = |line: &str| line.split(' ').next().unwrap().to_owned();
    text(&output.stdout).lines().map(first).collect()
}
