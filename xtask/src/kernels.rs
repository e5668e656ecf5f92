//! The kernels of imgpush-digest: tested at every level that this CPU has, and under the tools that
//! watch memory.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Artifact, Message};

use crate::places::{root, target};
use crate::step::{Steps, WORKSPACE, cargo, run};

/// What `IMGPUSH_BACKEND` takes.
const BACKENDS: [&str; 4] = ["portable", "scalar", "avx2", "avx512"];

pub(crate) fn test(steps: &mut Steps, is_full: bool) {
    let mut programs = Vec::new();
    steps.step("kernels: test programs", || {
        programs = test_programs()?;
        Ok(())
    });
    for backend in BACKENDS {
        let name = format!("kernels: {backend}");
        if !runs_here(backend) {
            steps.leave_out(&name, "this CPU does not have what they need");
            continue;
        }
        steps.step(&name, || {
            run_all(&programs, |program| {
                let mut command = program.command();
                command.env("IMGPUSH_BACKEND", backend);
                command
            })
        });
    }
    for backend in &BACKENDS[..3] {
        steps.step(&format!("kernels: built for {backend} at most"), || {
            run(&mut capped("test", backend))
        });
    }
    valgrind(steps, &programs);
    address_sanitizer(steps);
    miri(steps);
    if is_full {
        steps.step("kernels: beyond 4 GiB", || {
            run_all(&programs, |program| {
                let mut command = program.command();
                command.arg("--ignored");
                command
            })
        });
    }
}

/// A call of cargo for the crate built for a backend at most, and quickly. What it depends on is built
/// once for all of them, as the option is for the crate alone; cargo calls that unstable.
pub(crate) fn capped(verb: &str, backend: &str) -> Command {
    let flags = format!("['--cfg', 'imgpush_backend=\"{backend}\"']");
    let mut command = cargo([verb, "-p", "imgpush-digest", "--locked", "-Zprofile-rustflags"]);
    command
        .args(["--config", &format!("profile.dev.package.imgpush-digest.rustflags={flags}")])
        .args(["--config", "profile.dev.package.imgpush-digest.opt-level=1"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", target().join("capped"));
    command
}

/// The program says itself when it cannot.
fn runs_here(backend: &str) -> bool {
    let program = target().join("debug").join(format!("imgpush{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command.args(["digest", "-"]).env("IMGPUSH_BACKEND", backend).stdin(Stdio::null());
    command.output().is_ok_and(|output| output.status.success())
}

/// It knows no AVX-512 and no SHA extensions and says so to the program, which then uses the levels
/// below.
fn valgrind(steps: &mut Steps, programs: &[TestProgram]) {
    let name = "kernels: valgrind, up to AVX2";
    if !is_there(Command::new("valgrind").arg("--version")) {
        return steps.miss(name, "valgrind is not installed");
    }
    steps.step(name, || {
        run_all(programs, |program| {
            let mut command = program.under("valgrind");
            command.args(["--quiet", "--error-exitcode=1"]).arg(&program.path);
            command
        })
    });
}

/// One that cargo has built of the crate's tests.
struct TestProgram {
    path: PathBuf,
}

impl TestProgram {
    fn command(&self) -> Command {
        self.under(&self.path)
    }

    /// Where cargo would run it.
    fn under(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(root().join("crates/digest"));
        command
    }
}

/// Those of the whole workspace's build, so that nothing is built again.
fn test_programs() -> Result<Vec<TestProgram>> {
    let output = cargo(["test"])
        .args(WORKSPACE)
        .args(["--lib", "--test", "digests", "--no-run", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo test --no-run")?;
    let messages = Message::parse_stream(&output.stdout[..]);
    let mut programs = Vec::new();
    for message in messages {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.profile.test
            && is_digest(&artifact)
        {
            programs.extend(artifact.executable.map(|path| TestProgram { path: path.into() }));
        }
    }
    ensure!(programs.len() == 2, "not a library and its tests: {}", programs.len());
    Ok(programs)
}

fn is_digest(artifact: &Artifact) -> bool {
    artifact.target.src_path.starts_with(root().join("crates/digest"))
}

/// One after the other, as all that they share is the CPU.
fn run_all(programs: &[TestProgram], command: impl Fn(&TestProgram) -> Command) -> Result<()> {
    ensure!(!programs.is_empty(), "there are no test programs");
    programs.iter().try_for_each(|program| run(&mut command(program)))
}

/// All levels. Its runtime comes with every toolchain for Linux, while the option is still unstable.
fn address_sanitizer(steps: &mut Steps) {
    let name = "kernels: address sanitizer";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return steps.leave_out(name, "it is set up for x86-64 Linux only");
    }
    steps.step(name, || {
        run(cargo(["test"])
            .args(["-p", "imgpush-digest", "--locked", "--lib", "--test", "digests"])
            .args(["--config", "profile.dev.package.imgpush-digest.opt-level=1"])
            // Named, so that build scripts and macros are built without.
            .args(["--target", "x86_64-unknown-linux-gnu"])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "-Zsanitizer=address")
            .env("CARGO_TARGET_DIR", target().join("asan")))
    });
}

fn miri(steps: &mut Steps) {
    let name = "kernels: miri";
    if !is_there(Command::new("cargo").args(["+nightly", "miri", "--version"])) {
        return steps.leave_out(name, "no nightly toolchain has it");
    }
    steps.step(name, || {
        run(Command::new("cargo")
            .args(["+nightly", "miri", "test", "-p", "imgpush-digest", "--locked", "--lib"])
            .current_dir(root())
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("CARGO_TARGET_DIR", target().join("miri")))
    });
}

fn is_there(command: &mut Command) -> bool {
    // Cargo's own choice of a toolchain, which a child would take over.
    command.env_remove("RUSTUP_TOOLCHAIN").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
