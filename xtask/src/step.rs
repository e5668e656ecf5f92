//! One step of a run: said, timed, counted.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::places::root;

/// Says something to whoever watches.
#[expect(clippy::print_stderr, reason = "the one place where xtask speaks")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// The steps of a run. All are made, and the end says which failed.
pub(crate) struct Steps {
    start: Instant,
    failed: Vec<String>,
    lines: Vec<String>,
    left_out: Vec<String>,
    /// Whether nothing may be missing that can be installed.
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

    /// Counts a step that cannot be made on this machine, and says so.
    pub(crate) fn leave_out(&mut self, name: &str, why: &str) {
        say(&format!("\n=== {name}\nLEFT OUT: {why}"));
        self.left_out.push(format!("{name}: {why}"));
    }

    /// Leaves out a step for want of something that can be installed, which is a failure where `CI` is set.
    pub(crate) fn miss(&mut self, name: &str, why: &str) {
        self.leave_out(name, why);
        if self.is_ci {
            self.failed.push(format!("{name} (LEFT OUT, and CI is set)"));
        }
    }

    /// Counts what tests have left out themselves; where `CI` is set, they fail instead.
    pub(crate) fn left_out_by_tests(&mut self, reasons: &BTreeSet<String>) {
        self.left_out.extend(reasons.iter().cloned());
    }

    /// How it went so far, a line a step, and then what was left out.
    pub(crate) fn table(&self) -> String {
        let seconds = self.start.elapsed().as_secs();
        let total = format!("         {seconds:>4} s  in total");
        let left_out = self.left_out.iter().map(|what| format!("LEFT OUT {what}"));
        let lines = self.lines.iter().cloned().chain([total]).chain(left_out);
        lines.map(|line| line + "\n").collect()
    }

    /// Says how it went.
    pub(crate) fn finish(self) -> Result<()> {
        say("\n=== summary");
        say(self.table().trim_end());
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
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Runs tests to their end as [`run`] does, and collects what they say they leave out. Tests that hang are ended
/// after `limit`.
pub(crate) fn run_tests(
    command: &mut Command,
    limit: Duration,
    left_out: &mut BTreeSet<String>,
) -> Result<()> {
    let shown = shown(command);
    if std::io::stderr().is_terminal() {
        // Cargo sees a pipe.
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
            // The receiver is gone once the tests are over.
            let _ = sender.send(line);
        }
    });
    let status = wait(&mut child, limit)?;
    // What a test has started may live on with the pipe in its hands, which then does not end.
    let end = Instant::now() + Duration::from_secs(1);
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        left_out.extend(line.split_once(LEFT_OUT).map(|(_, what)| what.trim().to_owned()));
    }
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// The same command where no signal is ignored. A shell starts what runs in the background with `SIGINT` ignored;
/// programs under test would inherit that, and would not end at the signal that a test sends.
fn with_default_signals(command: &Command) -> Command {
    let mut same = if are_signals_ignored() {
        let mut env = Command::new("env");
        env.arg("--default-signal=HUP,INT,QUIT").arg(command.get_program());
        env
    } else {
        Command::new(command.get_program())
    };
    same.args(command.get_args());
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

/// Whether this process ignores `SIGHUP`, `SIGINT` or `SIGQUIT`, the signals 1 to 3; false where Linux's `/proc`
/// does not say.
fn are_signals_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 0b111 != 0)
}

/// Waits for the end of cargo, and ends it and its test program after `limit`. The output of the tests has named
/// those that ran for more than a minute.
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
            bail!("not over after {} minutes, so it was killed", limit.as_secs() / 60);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// How a test begins the line that says what it leaves out.
const LEFT_OUT: &str = "LEFT OUT: ";

fn shown(command: &Command) -> String {
    format!("{command:?}").replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn what_tests_leave_out_is_listed_once() {
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
    fn only_what_can_be_installed_fails_where_ci_is_set() {
        for (is_ci, fails) in [(false, false), (true, true)] {
            let mut steps = Steps { is_ci, ..Steps::default() };
            steps.leave_out("kernels", "this CPU does not have what they need");
            assert_eq!(steps.failed.len(), 0);
            steps.miss("real disk images", "no corpus");
            assert_eq!(steps.finish().is_err(), fails);
        }
    }
}
