//! Runs of the program and their results.

use std::borrow::BorrowMut;
use std::env::consts::EXE_EXTENSION;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use imgpush_sandbox::PASSWORD;
use serde_json::Value;

/// Returns a command for the built `imgpush`, with the environment of the test except for colours.
#[must_use]
pub fn imgpush() -> Command {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = folder.join("imgpush").with_extension(EXE_EXTENSION);
    assert!(program.exists(), "{} is not there: `cargo build` first", program.display());
    let mut command = Command::new(program);
    command.env("NO_COLOR", "1").current_dir(std::env::temp_dir());
    command
}

/// Returns the same with a folder as its home, without the environment of the test.
#[must_use]
pub fn imgpush_in(folder: &Path) -> Command {
    let mut command = imgpush();
    command.env_clear().env("HOME", folder).current_dir(folder);
    command
}

/// Starts a program; its output is captured for [`Run`].
#[must_use]
pub fn spawn(mut command: impl BorrowMut<Command>) -> Child {
    let command = command.borrow_mut();
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal such as `INT` to a process.
pub fn signal(child: &Child, name: &str) {
    let (name, id) = (format!("-{name}"), child.id().to_string());
    let status = Command::new("kill").args([name, id]).status().unwrap();
    assert!(status.success(), "kill: {status}");
}

/// The result of a run of the program.
pub struct Run {
    /// The exit status.
    pub status: ExitStatus,
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

impl Run {
    /// Takes the output. No run of any test may show a secret.
    #[must_use]
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (status, code) = (output.status, output.status.code());
        let run = Run { status, code, stdout: text(output.stdout), stderr: text(output.stderr) };
        run.hides(PASSWORD);
        run.hides("gAAAA");
        run.hides("panicked");
        run
    }

    /// Runs a program with this standard input.
    #[must_use]
    pub fn fed(mut command: Command, input: &[u8]) -> Self {
        let mut child = spawn(command.stdin(Stdio::piped()));
        // A program may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        Run::of(child.wait_with_output().unwrap())
    }

    /// Returns the one JSON document in the output.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the JSON documents in the output, one per line. A kill may have truncated the last one.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let parsed = |line| match serde_json::from_str(line) {
            Ok(value) => Some(value),
            Err(_) if self.code.is_none() => None,
            Err(error) => panic!("{error}: {self:?}"),
        };
        self.stdout.lines().filter_map(parsed).collect()
    }

    /// Asserts that the standard error contains this text.
    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is not said: {self:?}");
    }

    /// Asserts that a secret is in neither output.
    #[track_caller]
    pub fn hides(&self, secret: &str) {
        let is_shown = [&self.stdout, &self.stderr].iter().any(|text| text.contains(secret));
        assert!(!is_shown, "{secret} is shown: {self:?}");
    }
}

impl fmt::Debug for Run {
    /// Omits the successful images of a batch.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_batch = self.stdout.lines().count() > 1;
        let is_good = |line: &&str| is_batch && line.contains("\"verified\":true");
        writeln!(f, "{}\n{}", self.status, self.stderr)?;
        self.stdout.lines().filter(|line| !is_good(line)).try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "secret is shown")]
    fn a_secret_that_is_shown_fails_the_test() {
        drop(Run::of(Command::new("echo").arg(PASSWORD).output().unwrap()));
    }
}
