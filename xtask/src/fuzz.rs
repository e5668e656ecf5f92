//! Fuzzing for longer than a replay of the corpora takes.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::places::root;
use crate::step::{Steps, run};

/// For each target.
const SECONDS: u32 = 60;

/// Looks for inputs that break what the fuzz targets assert.
pub(crate) fn long(steps: &mut Steps) {
    let name = "long fuzzing";
    // As cargo's own choice of a toolchain, which a child would take over.
    let mut version = Command::new("cargo");
    version.args(["+nightly", "fuzz", "--version"]).env_remove("RUSTUP_TOOLCHAIN");
    let is_there = version.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !is_there.is_ok_and(|status| status.success()) {
        return steps.leave_out(name, "there is no nightly toolchain with cargo-fuzz");
    }
    steps.step(name, || targets()?.iter().try_for_each(|target| fuzz(target)));
}

fn fuzz(target: &str) -> Result<()> {
    run(Command::new("cargo")
        .args(["+nightly", "fuzz", "run", "--features", "fuzzing", target])
        .args(["--", &format!("-max_total_time={SECONDS}")])
        .current_dir(root())
        .env_remove("RUSTUP_TOOLCHAIN"))
}

/// The names of the targets.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
