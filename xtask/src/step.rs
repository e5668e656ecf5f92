//! The steps of a run: names, times and results.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

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
    pub(crate) fn left_out_by_tests(&mut self, reasons: &BTreeSet<String>) {
        self.left_out.extend(reasons.iter().cloned());
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

/// Runs tests to their end like [`run`], and collects what they report as left out. Tests that hang are
/// killed after `limit`.
pub(crate) fn run_tests(
    command: &mut Command,
    limit: Duration,
    left_out: &mut BTreeSet<String>,
) -> Result<()> {
    let shown = shown(command);
    if std::io::stderr().is_terminal() {
        // Cargo detects the pipe.
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut command = with_default_signals(command);
    let mut child =
        command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start {shown}"))?;
    let stderr = child.stderr.take().context("stderr is a pipe")?;
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            say(&line);
            // The receiver is dropped when the tests have ended.
            let _ = sender.send(line);
        }
    });
    let status = wait(&mut child, limit)?;
    // A process started by a test may outlive it and keep the pipe open, so it may have no end.
    let end = Instant::now() + Duration::from_secs(1);
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        left_out.extend(line.split_once(LEFT_OUT).map(|(_, what)| what.trim().to_owned()));
    }
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// The same command with the default handling of signals. A shell starts background jobs with `SIGINT`
/// ignored; tested programs would inherit that, and would not end at the signal that a test sends.
fn with_default_signals(command: &Command) -> Command {
    let wrapper: &[&str] =
        if are_signals_ignored() { &["env", "--default-signal=HUP,INT,QUIT"] } else { &[] };
    under(wrapper, command)
}

/// The same command, run by a program with these arguments; an empty list is no program.
fn under(wrapper: &[&str], command: &Command) -> Command {
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

/// Whether this process ignores `SIGHUP`, `SIGINT` or `SIGQUIT`, the signals 1 to 3; false if Linux's `/proc`
/// does not show it.
fn are_signals_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 0b111 != 0)
}

/// Waits for the end of cargo, and kills it and its test program after `limit`. The output names the tests
/// that ran for more than a minute.
fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            // The test program is a child of cargo, and does not end with it.
            let parent = child.id().to_string();
            let _ = Command::new("pkill").args(["-KILL", "-P", &parent]).status();
            let _ = child.kill();
            child.wait()?;
            bail!("killed, since it ran for more than {} minutes", limit.as_secs() / 60);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// The prefix of the line with which a test reports what it leaves out.
const LEFT_OUT: &str = "LEFT OUT: ";

fn shown(command: &Command) -> String {
    format!("{command:?}").replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn parts_left_out_by_tests_are_listed_once() {
        let script = "echo LEFT OUT: tmux: the terminal >&2; echo other >&2; sleep 5 & exit $1";
        let mut left_out = BTreeSet::new();
        let mut shell = |script: &str, code: &str| {
            let mut command = Command::new("sh");
            run_tests(command.args(["-c", script, "sh", code]), HOUR, &mut left_out)
        };
        shell(script, "0").unwrap();
        assert!(shell(script, "3").unwrap_err().to_string().contains("exit status: 3"));
        shell("echo test a ... LEFT OUT: qemu-img: headers >&2", "0").unwrap();
        let mut steps = Steps::default();
        steps.left_out_by_tests(&left_out);
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
    fn tests_that_hang_are_ended() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 3600; true"]);
        let error = run_tests(&mut command, Duration::ZERO, &mut BTreeSet::new()).unwrap_err();
        assert!(error.to_string().contains("killed"), "{error}");
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
