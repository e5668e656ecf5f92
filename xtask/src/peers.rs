//! `cargo xtask bench peers` and `cargo xtask bench bulk`.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cloud::Cloud;
use crate::places::{root, target};
use crate::step::{cargo, run, say};

/// In one call, so that what they share is built once.
const BUILD: [&str; 8] =
    ["build", "--profile", "dist", "--locked", "-p", "imgpush", "-p", "imgpush-benches"];
const PROGRAMS: [&str; 3] = ["imgpush", "peers", "null_glance"];

/// Whole pushes beside those of other clients, into a null sink and into a real Glance of its own. The
/// options are those of the program `peers`.
pub(crate) fn bench(options: &[&str]) -> Result<()> {
    run(cargo(BUILD).args(PROGRAMS.iter().flat_map(|program| ["--bin", program])))?;
    let cloud = Cloud::of_tests()?;
    cloud.call("clean")?;
    Cloud::install()?;
    cloud.call("up")?;
    let measured = cloud.environment().and_then(|environment| compare(options, environment));
    let down = cloud.call("clean");
    measured.and(down)
}

fn compare(options: &[&str], environment: Vec<(String, String)>) -> Result<()> {
    say("the peers take turns; this takes up to a quarter of an hour");
    let python = Cloud::python();
    run(Command::new(target().join("dist").join("peers"))
        .arg(python.parent().context("an interpreter lies in a folder")?)
        .arg(root().join("benches/python/sdk_push.py"))
        .args(options)
        // Files of gigabytes; the folder for temporary ones may be memory.
        .env("TMPDIR", target())
        .envs(environment))
}
