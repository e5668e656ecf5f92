//! The processes of a real Glance.

use std::path::PathBuf;
use std::time::Duration;

use imgpush_benches::process;

/// The server and its workers.
pub(crate) struct Workers {
    pids: Vec<u32>,
}

impl Workers {
    /// The processes of the cloud in the environment; none if its folder is not named.
    pub(crate) fn of_environment() -> Self {
        let folder = std::env::var_os("CLOUD_DIR").map(PathBuf::from);
        let file =
            folder.and_then(|folder| std::fs::read_to_string(folder.join("run/glance.pid")).ok());
        let server: Option<u32> = file.and_then(|pid| pid.trim().parse().ok());
        let pids = server
            .into_iter()
            .flat_map(|server| std::iter::once(server).chain(process::children_of(server)));
        Workers { pids: pids.collect() }
    }

    /// Their CPU time so far.
    pub(crate) fn cpu(&self) -> Duration {
        self.pids.iter().map(|pid| process::cpu_of(*pid)).sum()
    }
}
