//! Tests of the kernels of imgpush-digest at every level that this CPU supports, and with memory checkers.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::places::{root, target};
use crate::programs::{self, Program};
use crate::step::{EarlyStep, Steps, cargo, run, run_in_idle_time};

/// The values of `IMGPUSH_BACKEND`.
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
            steps.leave_out(&name, "this CPU does not support them");
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
    for backend in caps(is_full) {
        steps.step(&format!("kernels: built with at most {backend}"), || {
            run(&mut capped("test", backend))
        });
    }
    address_sanitizer(steps);
    miri(steps);
    if is_full {
        steps.step("kernels: more than 4 GiB", || {
            run_all(&programs, |program| {
                let mut command = program.command();
                command.arg("--ignored");
                command
            })
        });
    }
}

/// Builds what [`test()`] builds, in idle time. The step of a build that fails repeats it.
pub(crate) fn prepare(is_full: bool) {
    for backend in caps(is_full) {
        let _ = run_in_idle_time(capped("test", backend).arg("--no-run"));
    }
    if HAS_SANITIZER {
        let _ = run_in_idle_time(sanitized().arg("--no-run"));
    }
}

/// The maximum backends of the builds that are tested. `scalar` differs from `avx2` only in what it leaves
/// out.
fn caps(is_full: bool) -> impl Iterator<Item = &'static str> {
    BACKENDS[..3].iter().copied().filter(move |backend| is_full || *backend != "scalar")
}

/// A cargo command that builds the crate with a maximum backend, optimised for build time. The option only
/// applies to this crate, so its dependencies are built once for all backends; cargo considers that unstable.
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

/// Whether this CPU supports the backend; the program itself reports that.
fn runs_here(backend: &str) -> bool {
    let program = target().join("debug").join(format!("imgpush{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command.args(["digest", "-"]).env("IMGPUSH_BACKEND", backend).stdin(Stdio::null());
    command.output().is_ok_and(|output| output.status.success())
}

/// Valgrind supports neither AVX-512 nor the SHA extensions. It reports that to the program, which then uses
/// the lower levels. It takes a minute or more, so it runs in idle time.
pub(crate) fn valgrind() -> Option<EarlyStep> {
    let command = |program: Program| program.under(&["valgrind", "--quiet", "--error-exitcode=1"]);
    is_there(Command::new("valgrind").arg("--version")).then(|| {
        let programs = test_programs();
        EarlyStep::run(VALGRIND, programs.map(|all| all.into_iter().map(command).collect()))
    })
}

pub(crate) const VALGRIND: &str = "kernels: valgrind, up to AVX2";

/// The test programs of the crate, from the build of the workspace, so that nothing is built again.
fn test_programs() -> Result<Vec<Program>> {
    let mut programs = programs::built()?;
    programs.retain(|program| program.package == CRATE);
    ensure!(
        programs.len() == 2,
        "expected a library and its tests, found {} programs",
        programs.len()
    );
    Ok(programs)
}

const CRATE: &str = "imgpush-digest";

/// Runs them one after another, since they share the CPU.
fn run_all(programs: &[Program], command: impl Fn(&Program) -> Command) -> Result<()> {
    ensure!(!programs.is_empty(), "there are no test programs");
    programs.iter().try_for_each(|program| run(&mut command(program)))
}

/// Runs all levels. The sanitizer's runtime is part of every toolchain for Linux, although the option is
/// unstable.
const HAS_SANITIZER: bool =
    cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));

fn address_sanitizer(steps: &mut Steps) {
    let name = "kernels: address sanitizer";
    if !HAS_SANITIZER {
        return steps.leave_out(name, "supported on x86-64 Linux only");
    }
    steps.step(name, || run(&mut sanitized()));
}

/// A cargo command that tests the crate with the address sanitizer.
fn sanitized() -> Command {
    let mut command = cargo(["test"]);
    command
        .args(["-p", "imgpush-digest", "--locked", "--lib", "--test", "digests"])
        .args(["--config", "profile.dev.package.imgpush-digest.opt-level=1"])
        // With an explicit target, build scripts and macros are built without the sanitizer.
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("CARGO_TARGET_DIR", target().join("asan"));
    command
}

fn miri(steps: &mut Steps) {
    let name = "kernels: miri";
    if !is_there(Command::new("cargo").args(["+nightly", "miri", "--version"])) {
        return steps.leave_out(name, "no nightly toolchain with miri is installed");
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
    // Removed because a child process would inherit cargo's choice of a toolchain.
    command.env_remove("RUSTUP_TOOLCHAIN").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
