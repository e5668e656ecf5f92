//! Helpers of the tests of every crate, without dependencies, so that the tests of no crate have to wait for
//! it.
#![forbid(unsafe_code)]

use std::io::{self, Write as _};

/// Reports what this run does not test, because the machine lacks a requirement, which is named first:
/// `qemu-img: its opinion of the images`.
///
/// The line bypasses the capture of test output, and `cargo xtask test` lists it at its end.
///
/// # Panics
///
/// If `CI` is set: there, all requirements of tests must be installed.
pub fn left_out(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test has to run in CI: {what}");
    // Without a standard error there is nowhere to report to.
    let _ = writeln!(io::stderr(), "LEFT OUT: {what}");
}

/// Whether this is the larger of the two sizes of a run, `cargo xtask test --full`: more kills, larger
/// matrices, longer fuzzing. The assertions of a test are the same in both.
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os("IMGPUSH_TESTS").is_some_and(|size| size == "full")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    #[ignore = "another test runs it in a process of its own"]
    fn leaves_something_out() {
        super::left_out("example: a test");
    }

    #[test]
    fn what_is_left_out_is_reported_and_fails_where_ci_is_set() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "tests::leaves_something_out"]);
        let output = command.env_remove("CI").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("LEFT OUT: example: a test\n"), "{stderr}");
        assert!(!command.env("CI", "true").output().unwrap().status.success());
    }
}
