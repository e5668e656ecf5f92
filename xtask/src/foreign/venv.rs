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
    venv().join("bin/python")
}

/// Kept between runs, since creating it takes a minute.
fn venv() -> PathBuf {
    std::env::var_os("IMGPUSH_FOREIGN_VENV")
        .map_or_else(|| target().join("foreign-venv"), PathBuf::from)
}

/// Installs the suites, unless these requirements are installed.
pub(crate) fn install() -> Result<()> {
    let sources = root().join("tests/foreign");
    let venv = venv();
    let stamp = venv.join("installed.txt");
    let wanted = ["install.py", "requirements.txt", "constraints.txt", "play-requirements.txt"]
        .map(|name| std::fs::read_to_string(sources.join(name)))
        .into_iter()
        .collect::<std::io::Result<String>>()?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(python()).arg(sources.join("install.py")))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}
