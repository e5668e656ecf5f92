//! The folders of the suites, and their installation.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::places::{root, target};
use crate::step::run;

/// The folder of the results, the logs and the state of the sandbox.
pub(super) fn folder() -> PathBuf {
    target().join("foreign")
}

/// The interpreter with the suites.
pub(super) fn python() -> PathBuf {
    target().join("foreign-venv/bin/python")
}

/// Installs the suites, unless these requirements are installed.
pub(super) fn install() -> Result<()> {
    let sources = root().join("tests/foreign");
    let venv = target().join("foreign-venv");
    let stamp = venv.join("installed.txt");
    let wanted = ["requirements.txt", "constraints.txt"]
        .map(|name| std::fs::read_to_string(sources.join(name)))
        .into_iter()
        .collect::<std::io::Result<String>>()?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(python())
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .arg("-c")
        .arg(root().join("tests/cloud/constraints.txt"))
        .arg("-c")
        .arg(sources.join("constraints.txt"))
        .arg("-r")
        .arg(sources.join("requirements.txt")))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}
