//! `cargo xtask pictures`: the pictures of the README, from real runs of the program against its own sandboxes.
//! Needs tmux and Chromium.

mod chunk_path;
mod terminal;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::places::{root, target};
use crate::step::{cargo, run, say};

const FOLDER: &str = "docs/pictures";

/// Draws all pictures anew.
pub(crate) fn write() -> Result<()> {
    run(&mut cargo(["build", "--release", "--locked", "-p", "imgpush"]))?;
    let stage = Stage::set()?;
    let folder = root().join(FOLDER);
    std::fs::create_dir_all(&folder).context(FOLDER)?;
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).with_context(|| format!("{FOLDER}/{name}"))
    };
    write("two-clouds.svg", terminal::draw(&stage)?)?;
    write("chunk-path.svg", chunk_path::draw(&stage)?)?;
    let report = stage.report()?;
    for (name, is_dark) in [("report-light.png", false), ("report-dark.png", true)] {
        screenshot(&report, &folder.join(name), is_dark)?;
    }
    say(&format!("wrote {FOLDER}"));
    Ok(())
}

/// Two sandboxes, a `clouds.yaml` that names them, and images.
struct Stage {
    folder: PathBuf,
    sandboxes: Vec<Child>,
}

impl Stage {
    const CLOUDS: [&str; 2] = ["north", "south"];

    fn set() -> Result<Self> {
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
    fn imgpush(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.current_dir(&self.folder).args(arguments).stderr(Stdio::null());
        command
    }

    /// The report of a run in which one image fails.
    fn report(&self) -> Result<PathBuf> {
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

fn program() -> PathBuf {
    target().join("release/imgpush")
}

/// The page as a browser shows it.
fn screenshot(page: &Path, picture: &Path, is_dark: bool) -> Result<()> {
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--no-first-run", "--disable-extensions", "--window-size=1280,1000"])
        .arg(format!("--user-data-dir={}", page.with_file_name("profile").display()))
        .arg(format!("--screenshot={}", picture.display()));
    if is_dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    command.arg(format!("file://{}", page.display())).stderr(Stdio::null());
    run(&mut command).context("a screenshot by chromium")
}

/// Text in XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
