//! Fuzzing for longer than a replay of the corpora.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use crate::corpus;
use crate::places::root;
use crate::step::{Steps, cargo, run, say};

/// Seconds for each target in a full test.
const SECONDS: u32 = 60;
/// The maximum size of a corpus in the repository.
const MAX_CORPUS_BYTES: u64 = 200 << 10;
/// The reason for leaving fuzzing out.
const MISSING: &str = "cargo-fuzz is not installed: cargo install cargo-fuzz --locked";

#[derive(Subcommand)]
pub(crate) enum FuzzVerb {
    /// Run the fuzz targets one after another; new inputs are written to fuzz/target/found
    Run {
        /// Seconds for each target
        #[arg(long, default_value_t = SECONDS)]
        seconds: u32,
        /// Only these targets
        targets: Vec<String>,
    },
    /// Add the new inputs to the corpora, if they reach additional code
    Merge {
        /// Only these targets
        targets: Vec<String>,
    },
    /// Change disk images at random and compare the detected format and size with `qemu-img info`
    QemuImg {
        #[arg(default_value_t = 1000)]
        cases: u64,
        /// Number of the first case; a case depends only on its number
        #[arg(long, default_value_t = 0)]
        first: u64,
    },
}

pub(crate) fn run_verb(verb: &FuzzVerb) -> Result<()> {
    match verb {
        FuzzVerb::Run { seconds, targets } => {
            chosen(targets)?.iter().try_for_each(|target| fuzz(target, *seconds))
        }
        FuzzVerb::Merge { targets } => chosen(targets)?.iter().try_for_each(|target| merge(target)),
        FuzzVerb::QemuImg { cases, first } => qemu_img(*cases, *first),
    }
}

/// The replay of the corpora.
pub(crate) fn corpora() -> Command {
    let mut command = cargo(["test", "--locked", "--manifest-path"]);
    command.arg(root().join("fuzz/Cargo.toml"));
    command
}

/// Searches for inputs that violate the assertions of the fuzz targets.
pub(crate) fn long(steps: &mut Steps) {
    let name = "long fuzzing";
    if cargo_fuzz().is_none() {
        return steps.leave_out(name, MISSING);
    }
    steps.step(name, || targets()?.iter().try_for_each(|target| fuzz(target, SECONDS)));
}

/// `cargo fuzz` with the nightly toolchain, or else with the current one, for which unstable options have to
/// be enabled.
fn cargo_fuzz() -> Option<Command> {
    let command = |is_nightly: bool| {
        let mut command = Command::new("cargo");
        if is_nightly {
            // Removed because a child process would inherit cargo's choice of a toolchain.
            command.arg("+nightly").env_remove("RUSTUP_TOOLCHAIN");
        } else {
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command.arg("fuzz").current_dir(root());
        command
    };
    let is_there = |is_nightly: &bool| {
        let mut version = command(*is_nightly);
        let status = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    [true, false].into_iter().find(is_there).map(command)
}

fn fuzz(target: &str, seconds: u32) -> Result<()> {
    say(&format!("\n--- {target}, {seconds} s"));
    run(cargo_fuzz()
        .context(MISSING)?
        .args(["run", "--features", "fuzzing", target])
        // New inputs are written to the first folder.
        .args([found(target)?, corpus_of(target)])
        .args(["--", "-fork=0", "-print_final_stats=1", &format!("-max_total_time={seconds}")]))
}

fn merge(target: &str) -> Result<()> {
    run(cargo_fuzz()
        .context(MISSING)?
        .args(["run", "--features", "fuzzing", target])
        .args([corpus_of(target), found(target)?])
        .args(["--", "-merge=1", "-max_len=4096"]))?;
    let mut bytes = 0;
    for entry in std::fs::read_dir(corpus_of(target))? {
        bytes += entry?.metadata()?.len();
    }
    say(&format!("{target}: {bytes} bytes"));
    if bytes > MAX_CORPUS_BYTES {
        bail!("the corpus of {target} has more than {MAX_CORPUS_BYTES} bytes");
    }
    Ok(())
}

/// Compares changed images with qemu-img.
fn qemu_img(cases: u64, first: u64) -> Result<()> {
    let mut test = cargo(["test", "--locked", "-p", "imgpush-formats", "--test", "changed"]);
    if corpus::source().is_some() {
        test.env("IMGPUSH_CORPUS", corpus::folders()?);
    }
    run(test
        .env("IMGPUSH_FUZZ_CASES", cases.to_string())
        .env("IMGPUSH_FUZZ_FIRST", first.to_string())
        .args(["--", "--ignored", "--nocapture", "differential::"]))
}

/// The folder with the inputs of a target that a run has found.
fn found(target: &str) -> Result<PathBuf> {
    let folder = root().join("fuzz/target/found").join(target);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn corpus_of(target: &str) -> PathBuf {
    root().join("fuzz/corpus").join(target)
}

/// These targets, or all.
fn chosen(names: &[String]) -> Result<Vec<String>> {
    if names.is_empty() { targets() } else { Ok(names.to_vec()) }
}

/// The names of the targets.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
