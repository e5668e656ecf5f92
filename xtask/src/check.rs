//! `cargo xtask check`: all that can be said of the code without running it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::places::{root, target};
use crate::step::{Steps, WORKSPACE, cargo, run, say};
use crate::{api, arrows, kernels, package, picture};

pub(crate) fn run_verb(advisories: bool) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("format", || run(&mut cargo(["fmt", "--all", "--check"])));
    steps.step("clippy", || run(cargo(["clippy", "--all-targets"]).args(WORKSPACE).args(DENY)));
    steps.step("clippy without the sandbox", || {
        run(cargo(["clippy", "-p", "imgpush", "--no-default-features", "--locked"]).args(DENY))
    });
    steps.step("clippy without own kernels", || {
        run(kernels::capped("clippy", "portable").arg("--all-targets").args(DENY))
    });
    steps.step("documentation", || {
        run(cargo(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings -D rustdoc::broken_intra_doc_links"))
    });
    steps.step("public items", api::check);
    steps.step("arrows", arrows::check);
    steps.step("picture of the layers", picture::check);
    steps.step("packages", package::check);
    steps.step("cargo deny", || deny(&["bans", "licenses", "sources"]));
    if advisories {
        steps.step("advisories", || deny(&["advisories"]));
    }
    steps.finish()
}

const DENY: [&str; 3] = ["--", "-D", "warnings"];

/// The version that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

fn deny(checks: &[&str]) -> Result<()> {
    run(Command::new(cargo_deny()?).args(["--locked", "check"]).args(checks).current_dir(root()))
}

/// The one on the path, else one that is installed into `target/tools`.
fn cargo_deny() -> Result<PathBuf> {
    let on_path = PathBuf::from("cargo-deny");
    let found = Command::new(&on_path).arg("--version").stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(on_path);
    }
    let tools = target().join("tools");
    let installed = tools.join("bin").join("cargo-deny");
    if !installed.exists() {
        say(&format!("installing cargo-deny {CARGO_DENY} into {}", tools.display()));
        // It runs for seconds, so the time goes into building it.
        run(cargo(["install", "--debug", "--locked", "cargo-deny", "--version", CARGO_DENY])
            .arg("--root")
            .arg(&tools)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            // Its own build, not shared with the workspace's.
            .env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(installed)
}
