//! The stage on which the program runs for the pictures.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::places::target;

/// Two sandboxes, a `clouds.yaml` that names them, and images.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    sandboxes: Vec<Child>,
}

impl Stage {
    const CLOUDS: [&str; 2] = ["north", "south"];

    pub(super) fn set() -> Result<Self> {
        let folder = target().join("pictures");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).context("target/pictures")?;
        }
        std::fs::create_dir_all(&folder).context("target/pictures")?;
        let mut stage = Stage { folder, sandboxes: Vec::new() };
        let mut clouds = "clouds:\n".to_owned();
        for name in Stage::CLOUDS {
            let mut sandbox = Command::new(program());
            sandbox.args(["sandbox", "--listen", "127.0.0.1:0"]);
            let mut sandbox = sandbox.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            let output = sandbox.stdout.take().context("the address of a sandbox")?;
            stage.sandboxes.push(sandbox);
            let mut address = String::new();
            BufReader::new(output).read_line(&mut address)?;
            let entry = format!("  {name}:\n    auth_type: none\n    endpoint: {address}\n");
            clouds.push_str(&entry);
        }
        std::fs::write(stage.folder.join("clouds.yaml"), clouds)?;
        for (name, mib) in [("noble.raw", 2048), ("jammy.raw", 512), ("bookworm.raw", 256)] {
            // Zeros are hashed and sent like other data.
            File::create(stage.folder.join(name))?.set_len(mib << 20)?;
        }
        std::fs::write(stage.folder.join("broken.qcow2"), b"QFI\xfb\0\0\0\x03")?;
        Ok(stage)
    }

    /// The program in the folder of the stage.
    pub(super) fn imgpush(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.current_dir(&self.folder).args(arguments).stderr(Stdio::null());
        command
    }

    /// The report of a run in which one image fails.
    pub(super) fn report(&self) -> Result<PathBuf> {
        let files = ["noble.raw", "jammy.raw", "bookworm.raw", "broken.qcow2"];
        let push = ["push", "--cloud", "north", "--cloud", "south", "--report", "report.html"];
        let status = self.imgpush(&push).args(files).stdout(Stdio::null()).status()?;
        ensure!(status.code() == Some(27), "a push for the report ended with {status}");
        Ok(self.folder.join("report.html"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for sandbox in &mut self.sandboxes {
            let _ = sandbox.kill();
            let _ = sandbox.wait();
        }
    }
}

pub(super) fn program() -> PathBuf {
    target().join("release/imgpush")
}
