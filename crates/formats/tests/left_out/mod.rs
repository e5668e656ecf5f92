//! A test that cannot run on this machine.

use std::io::Write as _;

/// Reports that a test was left out; fails if `CI` is set, where every test has to run.
///
/// # Panics
///
/// Panics if `CI` is set.
pub(crate) fn left_out(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test has to run in CI, but {why}");
    // Not captured, unlike the output of a macro.
    let _ = writeln!(std::io::stderr(), "LEFT OUT: {why}");
}
