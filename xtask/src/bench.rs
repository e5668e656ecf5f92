//! `cargo xtask bench` and `cargo xtask memory`.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::peers;
use crate::places::target;
use crate::step::{cargo, run, say};

pub(crate) fn run_verb(arguments: &[String]) -> Result<()> {
    match arguments {
        [verb] if verb == "ratios" => ratios(),
        [verb] if verb == "guard" => guard(),
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

/// The speed of the hashing plane beside that of others, and whether the goals are met.
fn ratios() -> Result<()> {
    let headers =
        Command::new("pkg-config").args(["--exists", "openssl"]).stderr(Stdio::null()).status();
    if !headers.is_ok_and(|status| status.success()) {
        bail!(
            "OpenSSL is what is compared with: install its headers and pkg-config \
               (Debian: libssl-dev pkg-config)"
        );
    }
    run(&mut cargo(["build", "--release", "-p", "imgpush", "--locked"]))?;
    let program = target().join("release").join("imgpush");
    let ratios = ["run", "--release", "--locked", "-p", "imgpush-benches", "--bin", "ratios"];
    run(cargo(ratios).args(["--features", "openssl", "--"]).arg(program))
}

/// Fails when the fused kernels are hardly faster than the crates they replace.
fn guard() -> Result<()> {
    say("the kernels against the crates md-5 and sha2, as they are shipped");
    run(&mut cargo(["run", "--release", "--locked", "-p", "imgpush-guard"]))
}

/// What the program needs to say what it can do.
fn start() -> Result<()> {
    run(&mut cargo(["build", "--release", "-p", "imgpush", "--locked"]))?;
    run(&mut cargo(["run", "--release", "-p", "imgpush-benches", "--bin", "start", "--locked"]))
}

/// What it costs to know an image.
fn inspect() -> Result<()> {
    run(&mut cargo(["run", "--release", "-p", "imgpush-benches", "--bin", "inspect", "--locked"]))
}

/// Pushes whole files in processes of their own, so that the peak is theirs.
pub(crate) fn memory() -> Result<()> {
    run(&mut cargo(["build", "--release", "-p", "imgpush", "--locked"]))?;
    run(&mut cargo(["run", "--release", "-p", "imgpush-benches", "--bin", "memory", "--locked"]))
}
