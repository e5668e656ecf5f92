//! `cargo xtask check`: all that can be said of the code without running it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::step::{Steps, cargo, run, say};
use crate::{arrows, root, target};

pub(crate) fn run_verb(advisories: bool) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("format", || run(&mut cargo(["fmt", "--all", "--check"])));
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked"];
    steps.step("clippy", || {
        run(cargo(clippy).args(["--features", "imgpush-tests/cloud"]).args(DENY))
    });
    steps.step("clippy without the sandbox", || {
        run(cargo(["clippy", "-p", "imgpush", "--no-default-features", "--locked"]).args(DENY))
    });
    steps.step("clippy without own kernels", || {
        run(cargo(["clippy", "-p", "imgpush-digest", "--all-targets", "--locked"])
            .args(DENY)
            .env("RUSTFLAGS", "--cfg imgpush_backend=\"portable\"")
            .env("CARGO_TARGET_DIR", target().join("capped/portable")))
    });
    steps.step("documentation", || {
        run(cargo(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings -D rustdoc::broken_intra_doc_links"))
    });
    steps.step("arrows", arrows::check);
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
            // Its own build, not shared with the workspace's.
            .env_remove("CARGO_TARGET_DIR"))?;
    }
    Ok(installed)
}
