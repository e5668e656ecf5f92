//! The steps of a run: names, times and results.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::places::root;

/// Prints a line for the developer.
#[expect(clippy::print_stderr, reason = "the only output of xtask")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// The steps of a run. All are executed, and the end lists those that failed.
pub(crate) struct Steps {
    start: Instant,
    failed: Vec<String>,
    lines: Vec<String>,
    left_out: Vec<String>,
    /// Whether a missing tool is a failure.
    is_ci: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Steps {
            start: Instant::now(),
            failed: Vec::new(),
            lines: Vec::new(),
            left_out: Vec::new(),
            is_ci: std::env::var_os("CI").is_some(),
        }
    }
}

impl Steps {
    /// Runs a step.
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

    /// Adds a step that has already run, and prints its output.
    pub(crate) fn add(&mut self, early: EarlyStep) {
        let EarlyStep { name, seconds, result, output } = early;
        self.step(name, || {
            say(&String::from_utf8_lossy(&output));
            say(&format!("it took {seconds} s in idle time"));
            result
        });
    }

    /// Records a step that this machine cannot run, and prints the reason.
    pub(crate) fn leave_out(&mut self, name: &str, why: &str) {
        say(&format!("\n=== {name}\nLEFT OUT: {why}"));
        self.left_out.push(format!("{name}: {why}"));
    }

    /// Leaves out a step because a tool is not installed, which is a failure if `CI` is set.
    pub(crate) fn miss(&mut self, name: &str, why: &str) {
        self.leave_out(name, why);
        if self.is_ci {
            self.failed.push(format!("{name} (LEFT OUT, and CI is set)"));
        }
    }

    /// Records what tests have left out; if `CI` is set, they fail instead.
    pub(crate) fn left_out_by_tests(&mut self, reasons: BTreeSet<String>) {
        self.left_out.extend(reasons);
    }

    /// The results so far, one line per step, followed by what was left out.
    pub(crate) fn table(&self) -> String {
        let seconds = self.start.elapsed().as_secs();
        let total = format!("         {seconds:>4} s  in total");
        let left_out = self.left_out.iter().map(|what| format!("LEFT OUT {what}"));
        let lines = self.lines.iter().cloned().chain([total]).chain(left_out);
        lines.map(|line| line + "\n").collect()
    }

    /// Prints the results.
    pub(crate) fn finish(self) -> Result<()> {
        say("\n=== summary");
        say(self.table().trim_end());
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join(", "));
        }
        Ok(())
    }
}

/// A step that has run in idle time, beside other steps.
pub(crate) struct EarlyStep {
    name: &'static str,
    seconds: u64,
    result: Result<()>,
    output: Vec<u8>,
}

impl EarlyStep {
    /// Runs commands one after another until one fails.
    pub(crate) fn run(name: &'static str, commands: Result<Vec<Command>>) -> Self {
        let start = Instant::now();
        let mut output = Vec::new();
        let result = commands.and_then(|commands| {
            commands.iter().try_for_each(|command| {
                let shown = shown(command);
                let done = in_idle_time(command).output();
                let done = done.with_context(|| format!("cannot start {shown}"))?;
                output.extend([done.stdout, done.stderr].concat());
                ensure!(done.status.success(), "{shown}: {}", done.status);
                Ok(())
            })
        });
        EarlyStep { name, seconds: start.elapsed().as_secs(), result, output }
    }
}

/// Selects all crates, for every command that builds several: with another selection some dependencies have
/// other features, and are built again.
pub(crate) const WORKSPACE: [&str; 4] =
    ["--workspace", "--locked", "--features", "imgpush-tests/cloud"];

/// Builds the programs and the tests of all crates, the selection of all tests.
pub(crate) fn build() -> Result<()> {
    run(cargo(["build", "--all-targets"]).args(WORKSPACE))
}

/// What `cargo run` tells this program about its package. `ring` is built again, and with it all that uses TLS, if
/// such a variable differs from the last build.
const OF_THIS_PACKAGE: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// A cargo command in the root of the workspace.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    for name in OF_THIS_PACKAGE {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end; any exit status but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Runs a command like [`run`], without output and with the time that the CPU has left beside other work.
pub(crate) fn run_in_idle_time(command: &Command) -> Result<()> {
    run(in_idle_time(command).stdout(Stdio::null()).stderr(Stdio::null()))
}

fn in_idle_time(command: &Command) -> Command {
    let mut niced = under(&["nice", "-n", "19"], command);
    niced.stdin(Stdio::null());
    niced
}

/// The same command, run by a program with these arguments; an empty list is no program.
pub(crate) fn under(wrapper: &[&str], command: &Command) -> Command {
    let program = command.get_program();
    let mut words = wrapper.iter().map(OsStr::new).chain([program]).chain(command.get_args());
    let mut same = Command::new(words.next().unwrap_or(program));
    same.args(words);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => same.env(name, value),
            None => same.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        same.current_dir(folder);
    }
    same
}

fn shown(command: &Command) -> String {
    format!("{command:?}").replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_left_out_by_tests_are_listed() {
        let mut steps = Steps::default();
        let left_out = ["qemu-img: headers", "tmux: the terminal"].map(str::to_owned);
        steps.left_out_by_tests(left_out.into());
        steps.step("a step", || Ok(()));
        assert_eq!(
            steps.table().lines().collect::<Vec<_>>(),
            [
                "     ok     0 s  a step",
                "            0 s  in total",
                "LEFT OUT qemu-img: headers",
                "LEFT OUT tmux: the terminal",
            ]
        );
    }

    #[test]
    fn only_missing_tools_fail_if_ci_is_set() {
        for (is_ci, fails) in [(false, false), (true, true)] {
            let mut steps = Steps { is_ci, ..Steps::default() };
            steps.leave_out("kernels", "this CPU does not support them");
            assert_eq!(steps.failed.len(), 0);
            steps.miss("real disk images", "no corpus");
            assert_eq!(steps.finish().is_err(), fails);
        }
    }
}
