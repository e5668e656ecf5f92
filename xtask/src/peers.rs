//! `cargo xtask bench peers` and `cargo xtask bench bulk`.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cloud::Cloud;
use crate::places::{root, target};
use crate::step::{cargo, run, say};

/// One command, so that common dependencies are built once.
const BUILD: [&str; 8] =
    ["build", "--profile", "dist", "--locked", "-p", "imgpush", "-p", "imgpush-benches"];
const PROGRAMS: [&str; 3] = ["imgpush", "peers", "null_glance"];

/// Compares complete pushes with those of other clients, to a null server and to a real Glance of its own.
/// The options are passed to the program `peers`.
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
    say("the clients run alternately; this takes up to 15 minutes");
    let python = Cloud::python();
    run(Command::new(target().join("dist").join("peers"))
        .arg(python.parent().context("an interpreter is in a folder")?)
        .arg(root().join("benches/python"))
        .args(options)
        // The files have several gigabytes, and the folder for temporary files may be in memory.
        .env("TMPDIR", target())
        .envs(environment))
}
