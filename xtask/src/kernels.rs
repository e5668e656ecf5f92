//! The kernels of imgpush-digest: tested at every level that this CPU has, and under the tools that
//! watch memory.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::step::{Steps, cargo, run};
use crate::target;

/// What `IMGPUSH_BACKEND` takes.
const BACKENDS: [&str; 4] = ["portable", "scalar", "avx2", "avx512"];

const DIGEST: [&str; 6] = ["-p", "imgpush-digest", "--locked", "--lib", "--test", "digests"];

pub(crate) fn test(steps: &mut Steps, huge: bool) {
    for backend in BACKENDS {
        let name = format!("kernels: {backend}");
        if !runs_here(backend) {
            steps.leave_out(&name, "this CPU does not have what they need");
            continue;
        }
        steps.step(&name, || run(cargo(["test"]).args(DIGEST).env("IMGPUSH_BACKEND", backend)));
    }
    for backend in &BACKENDS[..3] {
        steps.step(&format!("kernels: built for {backend} at most"), || {
            run(cargo(["test", "-p", "imgpush-digest", "--locked"])
                .env("RUSTFLAGS", format!("--cfg imgpush_backend=\"{backend}\""))
                .env("CARGO_TARGET_DIR", target().join("capped").join(backend)))
        });
    }
    valgrind(steps);
    address_sanitizer(steps);
    miri(steps);
    if huge {
        steps.step("kernels: beyond 4 GiB", || {
            run(cargo(["test"]).args(DIGEST).args(["--", "--ignored"]))
        });
    }
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
fn valgrind(steps: &mut Steps) {
    let name = "kernels: valgrind, up to AVX2";
    if !is_there(Command::new("valgrind").arg("--version")) {
        return steps.leave_out(name, "valgrind is not installed");
    }
    steps.step(name, || {
        for program in test_programs()? {
            run(Command::new("valgrind").args(["--quiet", "--error-exitcode=1"]).arg(program))?;
        }
        Ok(())
    });
}

fn test_programs() -> Result<Vec<PathBuf>> {
    let output = cargo(["test"])
        .args(DIGEST)
        .args(["--no-run", "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo test --no-run")?;
    let messages = cargo_metadata::Message::parse_stream(&output.stdout[..]);
    let mut programs = Vec::new();
    for message in messages {
        if let cargo_metadata::Message::CompilerArtifact(artifact) = message?
            && artifact.profile.test
        {
            programs.extend(artifact.executable.map(PathBuf::from));
        }
    }
    Ok(programs)
}

/// All levels. Its runtime comes with every toolchain for Linux, while the option is still unstable.
fn address_sanitizer(steps: &mut Steps) {
    let name = "kernels: address sanitizer";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return steps.leave_out(name, "it is set up for x86-64 Linux only");
    }
    steps.step(name, || {
        run(cargo(["test"])
            .args(DIGEST)
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
            .current_dir(crate::root())
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("CARGO_TARGET_DIR", target().join("miri")))
    });
}

fn is_there(command: &mut Command) -> bool {
    // Cargo's own choice of a toolchain, which a child would take over.
    command.env_remove("RUSTUP_TOOLCHAIN").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
