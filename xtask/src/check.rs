//! `cargo xtask check`: all static checks of the code.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use crate::places::{root, target};
use crate::step::{Steps, WORKSPACE, cargo, run, run_in_idle_time, say};
use crate::{api, arrows, docs, kernels, package, picture, words};

pub(crate) fn run_verb(advisories: bool) -> Result<()> {
    let mut steps = Steps::default();
    // The crates of the workspace are checked one after another, which leaves a core idle.
    let preparing = thread::spawn(prepare);
    steps.step("format", || run(&mut cargo(["fmt", "--all", "--check"])));
    steps.step("clippy", || run(cargo(["clippy", "--all-targets"]).args(WORKSPACE).args(DENY)));
    steps.step("clippy without the sandbox", || {
        run(cargo(["clippy", "-p", "imgpush", "--no-default-features", "--locked"]).args(DENY))
    });
    steps.step("clippy of imgpush-source, one feature at a time", source_features);
    steps.step("documentation and public items", api::check);
    steps.step("imports", arrows::check);
    steps.step("picture of the layers", picture::check);
    steps.step("links of the pages", docs::check);
    steps.step("words", words::check);
    steps.step("packages", package::check);
    steps.step("preparation of the remaining steps", || {
        preparing.join().map_err(|_| anyhow!("a build panicked"))
    });
    steps.step("clippy with portable kernels", || run(&mut portable_clippy()));
    steps.step("cargo deny", || deny(&["bans", "licenses", "sources"]));
    if advisories {
        steps.step("advisories", || deny(&["advisories"]));
    }
    steps.finish()
}

const DENY: [&str; 3] = ["--", "-D", "warnings"];

/// Prepares later steps in idle time. What fails is repeated and reported by its step.
fn prepare() {
    let _ = cargo_deny();
    let _ = run_in_idle_time(&portable_clippy());
}

fn portable_clippy() -> Command {
    let mut clippy = kernels::capped("clippy", "portable");
    clippy.arg("--all-targets").args(DENY);
    clippy
}

/// The package with one feature for each compression format and type of source.
const SOURCE: &str = "imgpush-source";

/// Runs clippy on `imgpush-source` without features and with each of its features alone. The workspace always
/// builds it with all of them, which hides that one feature needs code of another.
fn source_features() -> Result<()> {
    let metadata = package::metadata()?;
    let mut packages = metadata.workspace_packages().into_iter();
    let package = packages.find(|package| package.name.as_str() == SOURCE).context(SOURCE)?;
    let names = package.features.keys().map(String::as_str).filter(|name| *name != "default");
    for features in std::iter::once("").chain(names) {
        let mut clippy = cargo(["clippy", "-p", SOURCE, "--no-default-features", "--locked"]);
        run(clippy.args(["--features", features]).args(DENY))?;
    }
    Ok(())
}

/// The version that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

fn deny(checks: &[&str]) -> Result<()> {
    run(Command::new(cargo_deny()?).args(["--locked", "check"]).args(checks).current_dir(root()))
}

/// The program on the path, or else one that is installed into `target/tools`.
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
        // It only runs for seconds, so a fast build matters more than a fast program.
        let mut install = cargo(["install", "--debug", "--locked", "cargo-deny"]);
        install
            .args(["--version", CARGO_DENY, "--root"])
            .arg(&tools)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            // A separate build, not in the target directory of the workspace.
            .env_remove("CARGO_TARGET_DIR");
        run_in_idle_time(&install)?;
    }
    Ok(installed)
}
