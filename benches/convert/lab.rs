//! The programs and the folder that all measurements share.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgpush_benches::process::{Run, succeed};
use imgpush_benches::turns::Took;
use tempfile::TempDir;

pub(crate) struct Lab {
    pub(crate) imgpush: PathBuf,
    /// The folder for files, and the home directory of all programs.
    folder: TempDir,
    /// Number of pairs of runs per row.
    pub(crate) pairs: usize,
}

/// Programs that the comparison cannot do without.
const NEEDED: [&str; 2] = ["qemu-img", "mkfs.ext4"];

impl Lab {
    pub(crate) fn new(pairs: usize) -> Self {
        let imgpush = std::env::current_exe().unwrap().with_file_name("imgpush");
        Lab { imgpush, folder: tempfile::tempdir().unwrap(), pairs }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The first needed program that is not installed.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        NEEDED.into_iter().find(|program| !self.has(program))
    }

    pub(crate) fn has(&self, program: &str) -> bool {
        let script = ["-c", "command -v \"$1\" > /dev/null", "sh", program];
        self.command("sh").args(script).status().unwrap().success()
    }

    pub(crate) fn version_of_peer(&self) -> String {
        let run = succeed(self.command("qemu-img").arg("--version"));
        run.stdout.lines().next().unwrap_or_default().to_owned()
    }

    /// A command without the variables of any cloud.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.folder.path());
        // mkfs.ext4 is in a folder that only root searches.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        command
    }

    /// `qemu-img convert` into a new file.
    pub(crate) fn qemu_img(&self, options: &[&str], from: &Path, to: &Path) -> Took {
        remove(to);
        let mut command = self.command("qemu-img");
        Took::from(&succeed(command.arg("convert").args(options).arg(from).arg(to)))
    }

    /// A line of a shell with these arguments as `$1`, `$2`, …; all parts of a pipe must succeed.
    pub(crate) fn shell(
        &self,
        variables: &[(String, String)],
        line: &str,
        arguments: &[&Path],
    ) -> Run {
        let mut command = self.command("bash");
        command.envs(variables.iter().cloned());
        command.args(["-o", "pipefail", "-ec", line, "bash"]).args(arguments);
        succeed(&mut command)
    }
}

/// Removes the result of the run before, so that each run writes a new file.
pub(crate) fn remove(file: &Path) {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => {}
    }
}
