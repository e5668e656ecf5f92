//! `cargo xtask bench` and `cargo xtask memory`.

use anyhow::Result;

use crate::step::{cargo, run};

pub(crate) fn run_verb(arguments: &[String]) -> Result<()> {
    run(cargo(["bench", "-p", "imgpush-benches", "--locked", "--"]).args(arguments))
}

/// Pushes whole files in processes of their own, so that the peak is theirs.
pub(crate) fn memory() -> Result<()> {
    run(&mut cargo(["build", "--release", "-p", "imgpush", "--locked"]))?;
    run(&mut cargo(["run", "--release", "-p", "imgpush-benches", "--bin", "memory", "--locked"]))
}
