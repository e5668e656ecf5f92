//! `cargo xtask bench` and `cargo xtask memory`.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::places::target;
use crate::step::{cargo, run, say};
use crate::{guard, peers};

pub(crate) fn run_verb(arguments: &[String]) -> Result<()> {
    match arguments {
        [verb] if verb == "ratios" => ratios("dist"),
        [verb, release] if verb == "ratios" && release == "--release" => ratios("release"),
        [verb] if verb == "guard" => guard::run_verb(false),
        [verb, full] if verb == "guard" && full == "--full" => guard::run_verb(true),
        [verb] if verb == "start" => start(),
        [verb] if verb == "inspect" => inspect(),
        [verb] if verb == "peers" => peers::bench(&[]),
        [verb, quick] if verb == "peers" && quick == "--quick" => peers::bench(&["--quick"]),
        [verb] if verb == "bulk" => peers::bench(&["--bulk"]),
        [verb, quick] if verb == "bulk" && quick == "--quick" => {
            peers::bench(&["--bulk", "--quick"])
        }
        [verb] if verb == "convert" => convert(&[]),
        [verb, quick] if verb == "convert" && quick == "--quick" => convert(&["--quick"]),
        _ => run(cargo(["bench", "-p", "imgpush-benches", "--locked", "--"]).args(arguments)),
    }
}

/// Measures the speed of hashing relative to other implementations, and checks the goals. Like all
/// benchmarks, it uses the profile of releases, `dist`, unless the profile `release` is requested.
fn ratios(profile: &str) -> Result<()> {
    let headers =
        Command::new("pkg-config").args(["--exists", "openssl"]).stderr(Stdio::null()).status();
    if !headers.is_ok_and(|status| status.success()) {
        bail!(
            "the comparison needs OpenSSL: install its headers and pkg-config \
               (Debian: libssl-dev pkg-config)"
        );
    }
    run(&mut cargo(["build", "--profile", profile, "-p", "imgpush", "--locked"]))?;
    let program = target().join(profile).join("imgpush");
    let ratios = ["--locked", "-p", "imgpush-benches", "--example", "ratios"];
    run(cargo(["run", "--profile", profile])
        .args(ratios)
        .args(["--features", "openssl", "--"])
        .arg(program))
}

/// Measures the start-up cost of the program.
fn start() -> Result<()> {
    run(&mut cargo(["build", "--profile", "dist", "-p", "imgpush", "--locked"]))?;
    bench_program("--bin", "start")
}

/// Measures the cost of inspecting an image.
fn inspect() -> Result<()> {
    bench_program("--example", "inspect")
}

/// Compares conversions with those of qemu. The options are passed to the program `convert`.
fn convert(options: &[&str]) -> Result<()> {
    let build =
        ["build", "--profile", "dist", "--locked", "-p", "imgpush", "-p", "imgpush-benches"];
    let programs = ["imgpush", "convert", "null_glance"];
    run(cargo(build).args(programs.iter().flat_map(|program| ["--bin", program])))?;
    say("the programs run alternately; this takes about half an hour");
    run(Command::new(target().join("dist").join("convert"))
        .args(options)
        // The files have several gigabytes, and the folder for temporary files may be in memory.
        .env("TMPDIR", target()))
}

/// Pushes complete files in separate processes, to measure the peak memory of each.
pub(crate) fn memory() -> Result<()> {
    run(&mut cargo(["build", "--profile", "dist", "-p", "imgpush", "--locked"]))?;
    bench_program("--bin", "memory")
}

/// Builds a benchmark with the profile of releases, and runs it.
fn bench_program(target: &str, name: &str) -> Result<()> {
    run(&mut cargo(["run", "--profile", "dist", "-p", "imgpush-benches", target, name, "--locked"]))
}
