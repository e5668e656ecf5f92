//! What qemu-img says of an image.

use std::path::Path;
use std::process::Command;

use imgpush_test_support::left_out;

/// Whether qemu-img can judge; otherwise the comparison is listed as left out.
pub(crate) fn is_there() -> bool {
    let version = Command::new("qemu-img").arg("--version").output();
    let version = version.map_or_else(|_| String::new(), |output| text(&output.stdout));
    let major = version.split_whitespace().nth(2).and_then(|version| version.split('.').next());
    let is_there = major.and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= 10);
    if !is_there {
        left_out("qemu-img 10: its opinion of written qcow2 images");
    }
    is_there
}

/// Runs qemu-img, which must succeed, and returns its output.
#[track_caller]
pub(crate) fn run(arguments: &[&str], files: &[&Path]) -> String {
    let output = Command::new("qemu-img").args(arguments).args(files).output().unwrap();
    let all = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {all}");
    all
}

/// Asserts that the image is free of errors and leaks, and has the content of the raw file.
#[track_caller]
pub(crate) fn accepts(image: &Path, raw: &Path) {
    let checked = run(&["check", "-f", "qcow2"], &[image]);
    assert!(checked.contains("No errors were found on the image."), "{checked}");
    let compared = run(&["compare", "-f", "raw", "-F", "qcow2"], &[raw, image]);
    assert_eq!(compared, "Images are identical.\n");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
