//! `cargo xtask bench` and `cargo xtask memory`.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::places::target;
use crate::step::{cargo, run};
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
        _ => run(cargo(["bench", "-p", "imgpush-benches", "--locked", "--"]).args(arguments)),
    }
}

/// The speed of the hashing plane beside that of others, and whether the goals are met. As it is shipped,
/// as in all benchmarks, unless the release profile is asked for.
fn ratios(profile: &str) -> Result<()> {
    let headers =
        Command::new("pkg-config").args(["--exists", "openssl"]).stderr(Stdio::null()).status();
    if !headers.is_ok_and(|status| status.success()) {
        bail!(
            "OpenSSL is what is compared with: install its headers and pkg-config \
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

/// What the program needs to say what it can do.
fn start() -> Result<()> {
    run(&mut cargo(["build", "--profile", "dist", "-p", "imgpush", "--locked"]))?;
    bench_program("--bin", "start")
}

/// What it costs to know an image.
fn inspect() -> Result<()> {
    bench_program("--example", "inspect")
}

/// Pushes whole files in processes of their own, so that the peak is theirs.
pub(crate) fn memory() -> Result<()> {
    run(&mut cargo(["build", "--profile", "dist", "-p", "imgpush", "--locked"]))?;
    bench_program("--bin", "memory")
}

/// Builds a benchmark as the program is shipped, and runs it.
fn bench_program(target: &str, name: &str) -> Result<()> {
    run(&mut cargo(["run", "--profile", "dist", "-p", "imgpush-benches", target, name, "--locked"]))
}
