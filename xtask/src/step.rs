//! One step of a run: said, timed, counted.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::places::root;

/// Says something to whoever watches.
#[expect(clippy::print_stderr, reason = "the one place where xtask speaks")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// The steps of a run. All are made, and the end says which failed.
#[derive(Default)]
pub(crate) struct Steps {
    failed: Vec<String>,
    lines: Vec<String>,
}

impl Steps {
    /// Makes a step.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        say(&format!("\n=== {name}"));
        let start = Instant::now();
        let result = work();
        let seconds = start.elapsed().as_secs();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        self.lines.push(format!("{word:>7}  {seconds:>4} s  {name}"));
        if let Err(error) = &result {
            say(&format!("{name}: {error:#}"));
            self.failed.push(name.to_owned());
        }
        result.is_ok()
    }

    /// Counts a step that cannot be made here, and says so.
    pub(crate) fn leave_out(&mut self, name: &str, why: &str) {
        say(&format!("\n=== {name}\nLEFT OUT: {why}"));
        self.lines.push(format!("LEFT OUT          {name}: {why}"));
    }

    /// Says how it went.
    pub(crate) fn finish(self) -> Result<()> {
        say("\n=== summary");
        for line in &self.lines {
            say(line);
        }
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join(", "));
        }
        Ok(())
    }
}

/// All crates, as every call selects them that builds several: with another selection some dependencies
/// have other features, and are built again.
pub(crate) const WORKSPACE: [&str; 4] =
    ["--workspace", "--locked", "--features", "imgpush-tests/cloud"];

/// A cargo command in the workspace's root.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}
