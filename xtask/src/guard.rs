//! `cargo xtask bench guard`: checks that the kernels are fast in every build profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::Message;

use crate::places::target;
use crate::step::{cargo, run, run_in_idle_time, say};

/// A build profile of a program that depends on the hashing crate.
struct Setting {
    name: &'static str,
    /// Options of cargo.
    options: &'static [&'static str],
    rust_flags: &'static str,
    /// The minimum speed of each kernel, relative to its speed in the fastest build.
    least: f64,
    /// Whether CI measures it. Building one takes half a minute on two cores. These profiles have failed in
    /// distinct ways; the others have failed only together with one of them.
    always: bool,
}

const DEFAULT: Setting = Setting {
    name: "Cargo's release profile",
    options: &["--release", "--config", "profile.release.lto=false"],
    rust_flags: "",
    least: 0.95,
    always: true,
};

const SETTINGS: [Setting; 7] = [
    // "LTO off" has failed whenever this has.
    Setting { always: false, ..DEFAULT },
    Setting {
        name: "LTO off, 16 units",
        options: &["--release", "--config", "profile.release.lto='off'"],
        ..DEFAULT
    },
    Setting {
        name: "thin LTO",
        options: &["--release", "--config", "profile.release.lto='thin'"],
        always: false,
        ..DEFAULT
    },
    Setting {
        name: "opt-level 2",
        options: &[
            "--release",
            "--config",
            "profile.release.lto=false",
            "--config",
            "profile.release.opt-level=2",
        ],
        always: false,
        ..DEFAULT
    },
    Setting {
        name: "opt-level s",
        options: &[
            "--release",
            "--config",
            "profile.release.lto=false",
            "--config",
            "profile.release.opt-level='s'",
        ],
        least: 0.85,
        ..DEFAULT
    },
    Setting { name: "target-cpu=native", rust_flags: "-C target-cpu=native", ..DEFAULT },
    Setting { name: "our dist profile", options: &["--profile", "dist"], ..DEFAULT },
];

/// Processes of each build. Those of one build differ by 15 to 25 %, and the upper quartiles of this number
/// of processes by hardly more than 1 %.
const PROCESSES: usize = 15;

/// Number of attempts on a busy machine. Each adds its processes to the previous ones.
const TRIES: usize = 3;

/// Subtracted from each limit without `--full`: the triple kernel without LTO is at 0.95 on a Zen 3, and CI
/// must not depend on noise. Actual regressions make a kernel two to twenty times slower.
const CI_ALLOWANCE: f64 = 0.10;

/// The speeds of each kernel in MB/s, one per process.
type Speeds = BTreeMap<String, Vec<f64>>;

struct Build<'a> {
    setting: &'a Setting,
    program: PathBuf,
    speeds: Speeds,
}

/// The folder with all builds, in which cargo separates them; build scripts and macros are built once.
const FOLDER: &str = "guard";

fn build_command(setting: &Setting) -> Command {
    let mut command = cargo(["build", "--locked", "-p", "imgpush-guard", "--target", "host-tuple"]);
    command
        .args(["--config", "profile.release.codegen-units=16"])
        .args(setting.options)
        .env("CARGO_TARGET_DIR", target().join(FOLDER))
        .env("RUSTFLAGS", setting.rust_flags);
    command
}

pub(crate) fn run_verb(full: bool) -> Result<()> {
    let chosen = SETTINGS.iter().filter(|setting| full || setting.always);
    let mut builds = Vec::new();
    for setting in chosen {
        let start = Instant::now();
        let program = build(setting)?;
        say(&format!("built with {} in {} s", setting.name, start.elapsed().as_secs()));
        builds.push(Build { setting, program, speeds: Speeds::new() });
    }
    say("the kernels compared with the crates md-5 and sha2, in the profile of releases");
    if let Some(shipped) = builds.last() {
        run(&mut Command::new(&shipped.program))?;
    }
    say("the kernels in each build compared with the fastest build");
    let allowance = if full { 0.0 } else { CI_ALLOWANCE };
    for _ in 0..TRIES {
        measure(&mut builds)?;
        if report(&builds, allowance) {
            return Ok(());
        }
    }
    bail!("a kernel is too slow in a build; if the machine was busy, try again")
}

/// Builds what CI measures, in idle time. What fails is repeated and reported by the guard.
pub(crate) fn prepare() {
    for setting in SETTINGS.iter().filter(|setting| setting.always) {
        let _ = run_in_idle_time(&build_command(setting));
    }
}

fn build(setting: &Setting) -> Result<PathBuf> {
    let folder = target().join(FOLDER);
    let output = build_command(setting)
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo build")?;
    ensure!(output.status.success(), "the guard cannot be built with {}", setting.name);
    for message in Message::parse_stream(&output.stdout[..]) {
        if let Message::CompilerArtifact(artifact) = message?
            && let Some(program) = artifact.executable
        {
            // The next build writes its program to the same path.
            let kept = folder.join(setting.name.replace(['\'', ' ', ','], "-"));
            std::fs::copy(program, &kept)?;
            return Ok(kept);
        }
    }
    bail!("cargo has built no program with {}", setting.name)
}

/// Measures the builds alternately, so that other load on the machine slows all of them.
///
/// Each process runs a copy of its program. The physical pages of a file can cost a kernel a quarter of its
/// speed, and they do not change while the file is cached.
fn measure(builds: &mut [Build]) -> Result<()> {
    let copies = target().join("guard/copies");
    std::fs::create_dir_all(&copies)?;
    for process in 0..PROCESSES {
        for build in &mut *builds {
            let name = build.program.file_name().context("a program has a name")?;
            let copy = copies.join(name).with_added_extension(process.to_string());
            std::fs::copy(&build.program, &copy)?;
            for (kernel, speed) in speeds(&copy)? {
                build.speeds.entry(kernel).or_default().push(speed);
            }
        }
    }
    // Removed only now, since the next copy would get the same pages.
    std::fs::remove_dir_all(&copies)?;
    Ok(())
}

fn speeds(program: &Path) -> Result<Vec<(String, f64)>> {
    let output = Command::new(program).arg("speeds").stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{}: {}", program.display(), output.status);
    let text = String::from_utf8(output.stdout)?;
    let line = |line: &str| -> Result<(String, f64)> {
        let (kernel, speed) = line.split_once('\t').context("a line is a kernel and a speed")?;
        Ok((kernel.to_owned(), speed.parse()?))
    };
    text.lines().map(line).collect()
}

/// The upper quartile: most processes are slowed by other load, and the CPU time of a few is measured too
/// short.
fn quartile(speeds: &[f64]) -> f64 {
    let mut speeds = speeds.to_vec();
    speeds.sort_by(f64::total_cmp);
    speeds.get(speeds.len() * 3 / 4).copied().unwrap_or(0.0)
}

/// Prints the measurements, and returns whether all kernels are fast enough in every build.
fn report(builds: &[Build], allowance: f64) -> bool {
    // Every build has the same kernels.
    let kernels = builds.first().map(|build| build.speeds.keys()).into_iter().flatten();
    let mut all_fast = true;
    for kernel in kernels {
        let of = |build: &Build| build.speeds.get(kernel).map_or(0.0, |speeds| quartile(speeds));
        let best = builds.iter().map(of).fold(0.0, f64::max);
        say(&format!("{kernel}: at best {best:.0} MB/s"));
        for build in builds {
            let share = of(build) / best;
            let least = build.setting.least - allowance;
            let is_fast = share >= least;
            let word = if is_fast { "" } else { "  TOO SLOW" };
            say(&format!("  {share:.2}, at least {least:.2}  {}{word}", build.setting.name));
            all_fast &= is_fast;
        }
    }
    all_fast
}
