//! The programs and settings that all measurements share.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Lab {
    pub(crate) imgpush: PathBuf,
    /// Directory with the programs of the Python peers.
    pub(crate) python: PathBuf,
    /// Directory with the Python scripts of the benchmarks.
    pub(crate) scripts: PathBuf,
    /// Directory for files, and the home directory of all programs, so that none accesses other files.
    pub(crate) folder: TempDir,
    /// Number of pairs of runs per row.
    pub(crate) pairs: usize,
}

impl Lab {
    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.scripts.join(name)
    }

    /// A command without the variables of any cloud.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.folder.path());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
    }
}
