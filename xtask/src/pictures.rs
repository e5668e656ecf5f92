//! `cargo xtask pictures`: the pictures of the README, from real runs of the program against its own sandboxes.
//! Needs tmux and Chromium.

mod chunk_path;
mod stage;
mod terminal;
mod xml;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use self::stage::Stage;
use crate::places::root;
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
