//! The test programs of the workspace, several at a time: most of them wait for services or for one long test.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::{Artifact, Message, Metadata, PackageId};

use crate::places::target;
use crate::step::{WORKSPACE, cargo, say, under};

/// A test program.
pub(crate) struct Program {
    /// The name of its package.
    pub(crate) package: String,
    /// The name of the library, the binary or the test.
    pub(crate) target: String,
    path: PathBuf,
    folder: PathBuf,
}

impl Program {
    /// The program with the environment that cargo would give it.
    pub(crate) fn command(&self) -> Command {
        self.under(&[])
    }

    /// The same, as the argument of another program.
    pub(crate) fn under(&self, wrapper: &[&str]) -> Command {
        let mut command = under(wrapper, &Command::new(&self.path));
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }

    fn of(artifact: Artifact, packages: &Metadata) -> Option<Self> {
        // `cargo test` builds examples too.
        let is_test = artifact.profile.test && !artifact.target.is_example();
        let path = artifact.executable.filter(|_| is_test)?.into();
        let package = name_of(packages, &artifact.package_id)?;
        let folder = artifact.manifest_path.parent()?.into();
        Some(Program { package, target: artifact.target.name, path, folder })
    }
}

fn name_of(packages: &Metadata, id: &PackageId) -> Option<String> {
    let package = packages.packages.iter().find(|package| package.id == *id)?;
    Some(package.name.to_string())
}

/// Builds all test programs, and returns them in the order of their names.
pub(crate) fn built() -> Result<Vec<Program>> {
    let packages = crate::package::metadata()?;
    let output = cargo(["test"])
        .args(WORKSPACE)
        .args(["--no-run", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo test --no-run")?;
    ensure!(output.status.success(), "the tests cannot be built");
    let mut programs = Vec::new();
    for message in Message::parse_stream(&output.stdout[..]) {
        if let Message::CompilerArtifact(artifact) = message? {
            programs.extend(Program::of(artifact, &packages));
        }
    }
    ensure!(!programs.is_empty(), "there are no test programs");
    programs.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(programs)
}

/// A program that runs tests.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) command: Command,
}

/// Runs jobs, `at_once` at a time, and prints the output of each when it has ended. Collects what they report as
/// left out. A job that runs longer than `limit` is killed.
pub(crate) fn run_all(
    jobs: Vec<Job>,
    at_once: usize,
    limit: Duration,
    left_out: &Mutex<BTreeSet<String>>,
) -> Result<()> {
    let waiting = Mutex::new(jobs.into_iter());
    let failed = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(job) = next() {
                    if let Err(error) = run_one(&job, limit, left_out) {
                        say(&format!("{}: {error:#}", job.name));
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(job.name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Runs a job; any exit status but success is an error.
fn run_one(job: &Job, limit: Duration, left_out: &Mutex<BTreeSet<String>>) -> Result<()> {
    let start = Instant::now();
    let folder = target().join("test-output");
    std::fs::create_dir_all(&folder)?;
    // A file and not a pipe: processes that outlive a test keep a pipe open.
    let path = folder.join(job.name.replace([' ', '/'], "-"));
    let output = File::create(&path).with_context(|| path.display().to_string())?;
    let mut command = with_default_signals(&job.command);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let status = wait(command, limit);
    let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
    say(&format!("--- {}: {} s\n{}", job.name, start.elapsed().as_secs(), text.trim_end()));
    let reported = text.lines().filter_map(|line| line.split_once(LEFT_OUT));
    let mut all = left_out.lock().unwrap_or_else(PoisonError::into_inner);
    all.extend(reported.map(|(_, what)| what.trim().to_owned()));
    drop(all);
    let status = status?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// The prefix of the line with which a test reports what it leaves out.
const LEFT_OUT: &str = "LEFT OUT: ";

/// The same command with the default handling of signals. A shell starts background jobs with `SIGINT`
/// ignored; tested programs would inherit that, and would not end at the signal that a test sends.
fn with_default_signals(command: &Command) -> Command {
    let wrapper: &[&str] =
        if are_signals_ignored() { &["env", "--default-signal=HUP,INT,QUIT"] } else { &[] };
    under(wrapper, command)
}

/// Whether this process ignores `SIGHUP`, `SIGINT` or `SIGQUIT`, the signals 1 to 3; false if Linux's `/proc`
/// does not show it.
fn are_signals_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 0b111 != 0)
}

/// Runs a program to its end, and kills it and its children after `limit`. Its output names the tests that ran for
/// more than a minute.
fn wait(mut command: Command, limit: Duration) -> Result<ExitStatus> {
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            // A test program can be the child of a wrapper, and does not end with it.
            let parent = child.id().to_string();
            let _ = Command::new("pkill").args(["-KILL", "-P", &parent]).status();
            let _ = child.kill();
            child.wait()?;
            bail!("killed, since it ran for more than {} minutes", limit.as_secs() / 60);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn shell(name: &str, script: &str) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Job { name: name.to_owned(), command }
    }

    #[test]
    fn failures_and_parts_left_out_are_listed_once() {
        let left_out = Mutex::default();
        let jobs = vec![
            shell(
                "unit test: left out",
                "echo LEFT OUT: tmux: the terminal >&2; echo other; sleep 5 &",
            ),
            shell("unit test: failing", "echo test a ... LEFT OUT: qemu-img: headers >&2; exit 3"),
            shell("unit test: again", "echo LEFT OUT: tmux: the terminal"),
        ];
        let error = run_all(jobs, 2, HOUR, &left_out).unwrap_err();
        assert_eq!(error.to_string(), "failed: unit test: failing");
        let left_out = Vec::from_iter(left_out.into_inner().unwrap());
        assert_eq!(left_out, ["qemu-img: headers", "tmux: the terminal"]);
    }

    #[test]
    fn jobs_that_hang_are_ended() {
        let mut hanging = Command::new("sh");
        hanging.args(["-c", "sleep 3600; true"]);
        let error = wait(hanging, Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("killed"), "{error}");
    }
}
