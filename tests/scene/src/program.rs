//! The program, and what a run of it left.

use std::borrow::BorrowMut;
use std::env::consts::EXE_EXTENSION;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use imgpush_sandbox::PASSWORD;
use serde_json::Value;

/// Returns the built `imgpush`, with the environment of the test but for colours.
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

/// Returns the same at home in a folder, with nothing of the environment of the test.
#[must_use]
pub fn imgpush_in(folder: &Path) -> Command {
    let mut command = imgpush();
    command.env_clear().env("HOME", folder).current_dir(folder);
    command
}

/// Starts a program; what it prints is kept for [`Run`].
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

/// What a run of the program left.
pub struct Run {
    /// How it ended.
    pub status: ExitStatus,
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Run {
    /// Takes what was printed. No run of any test may show a secret.
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

    /// Runs a program with something on its standard input.
    #[must_use]
    pub fn fed(mut command: Command, input: &[u8]) -> Self {
        let mut child = spawn(command.stdin(Stdio::piped()));
        // A program that has seen enough reads no more.
        let _ = child.stdin.take().unwrap().write_all(input);
        Run::of(child.wait_with_output().unwrap())
    }

    /// Returns the one JSON document that was printed.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the JSON documents that were printed, one a line. A kill may have cut the last.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        let parsed = |line| match serde_json::from_str(line) {
            Ok(value) => Some(value),
            Err(_) if self.code.is_none() => None,
            Err(error) => panic!("{error}: {self:?}"),
        };
        self.stdout.lines().filter_map(parsed).collect()
    }

    /// Asserts that the program said so.
    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is not said: {self:?}");
    }

    /// Asserts that it was shown nowhere: a secret.
    #[track_caller]
    pub fn hides(&self, secret: &str) {
        let is_shown = [&self.stdout, &self.stderr].iter().any(|text| text.contains(secret));
        assert!(!is_shown, "{secret} is shown: {self:?}");
    }
}

impl fmt::Debug for Run {
    /// Without the images of a batch that are well.
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
