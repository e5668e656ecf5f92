//! `cargo xtask test`: all tests, in two sizes.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use crate::cloud::Cloud;
use crate::places::root;
use crate::programs::{self, Job, Program};
use crate::step::{EarlyStep, Steps, WORKSPACE, build, cargo, run, run_in_idle_time};
use crate::{corpus, fleet, foreign, fuzz, guard, kernels, package};

/// The page with the results of the last complete run.
const FULL_TABLE: &str = "docs/full-test.md";

pub(crate) fn run_verb(no_cloud: bool, is_full: bool, filter: Option<&str>) -> Result<()> {
    let mut steps = Steps::default();
    let filter: Vec<&str> = filter.into_iter().collect();
    let left_out = Mutex::default();
    // The installation waits for the network and the disk for a minute, while the compiler uses the CPU.
    let (done, is_installed) = mpsc::channel();
    // The suites have no tests with the name of a filter.
    let has_suites = !no_cloud && filter.is_empty();
    let installation = move || {
        install(has_suites)?;
        // The receiver is gone if nothing is prepared.
        let _ = done.send(());
        Ok(())
    };
    let installing = (!no_cloud).then(move || thread::spawn(installation));
    steps.step("build", build);
    // Tests wait for services, and leave time of the CPU for other work.
    let idle_work =
        filter.is_empty().then(|| thread::spawn(move || work_in_idle_time(is_full, &is_installed)));
    let mut programs = Vec::new();
    steps.step("tests without a cloud", || {
        programs = programs::built()?;
        let mut jobs: Vec<Job> = programs.iter().map(job).collect();
        jobs.push(Job { name: "examples in the documentation".to_owned(), command: examples() });
        for job in &mut jobs {
            tests_of(&mut job.command, is_full).args(&filter).args(["--skip", "real::"]);
        }
        programs::run_all(jobs, AT_ONCE, limit(is_full), &left_out)
    });
    if let Some(installing) = installing {
        steps.step("installation of the cloud", || {
            installing.join().map_err(|_| anyhow!("the installation panicked"))?
        });
        steps.step("tests against real clouds", || {
            against_clouds(&programs, &filter, is_full, &left_out)
        });
    }
    if has_suites {
        let names: &[&str] = if is_full { &[] } else { &foreign::SHORT };
        steps.step("suites of other projects", || foreign::run(names, false));
    }
    let mut early = None;
    if let Some(idle_work) = idle_work {
        steps.step("end of the work in idle time", || {
            early = Some(idle_work.join().map_err(|_| anyhow!("it panicked"))?);
            Ok(())
        });
    }
    steps.step("fuzz corpora", || run(fuzz::corpora().args(&filter)));
    if filter.is_empty() {
        kernels::test(&mut steps, is_full);
        let Early { valgrind, images } = early.unwrap_or_default();
        match valgrind {
            Some(valgrind) => steps.add(valgrind),
            None => steps.miss(kernels::VALGRIND, "valgrind is not installed"),
        }
        match images {
            Some(images) => steps.add(images),
            None => steps.miss(corpus::IMAGES, corpus::MISSING),
        }
        if is_full {
            after_the_cloud(&mut steps, no_cloud);
        }
    }
    steps.left_out_by_tests(left_out.into_inner().unwrap_or_else(PoisonError::into_inner));
    if is_full && filter.is_empty() && !no_cloud {
        let table = full_table(&steps);
        std::fs::write(root().join(FULL_TABLE), table).context(FULL_TABLE)?;
    }
    steps.finish()
}

/// The steps that run in idle time; none of what this machine does not have.
#[derive(Default)]
struct Early {
    valgrind: Option<EarlyStep>,
    images: Option<EarlyStep>,
}

/// Runs the longest steps that need one process, and builds for others. A build that fails is repeated and reported
/// by its step.
fn work_in_idle_time(is_full: bool, is_installed: &Receiver<()>) -> Early {
    kernels::prepare(is_full);
    let _ = run_in_idle_time(fuzz::corpora().arg("--no-run"));
    // CI measures the kernels in several builds afterwards.
    if std::env::var_os("CI").is_some() {
        guard::prepare();
    }
    let valgrind = kernels::valgrind();
    // Without the cloud, its inspector does not judge the images.
    let _ = is_installed.recv();
    Early { valgrind, images: corpus::test() }
}

/// Runs the long steps that need the images, the network, or much time.
fn after_the_cloud(steps: &mut Steps, no_cloud: bool) {
    if corpus::source().is_some() && !no_cloud {
        steps.step("real disk images in a real Glance", corpus::verdicts);
    }
    if !no_cloud {
        fleet::long(steps);
    }
    fuzz::long(steps);
    steps.step("packages, built", package::verify);
}

/// The time after which tests of a size are considered hanging.
fn limit(is_full: bool) -> Duration {
    Duration::from_secs(if is_full { 3 * 3600 } else { 30 * 60 })
}

/// Sets the size of tests.
fn tests_of(command: &mut Command, is_full: bool) -> &mut Command {
    if is_full {
        command.env("IMGPUSH_TESTS", "full");
        // For tests without their own number of cases; 256 is the default.
        command.env("PROPTEST_CASES", "5000")
    } else {
        command.env_remove("IMGPUSH_TESTS")
    }
}

/// Test programs without a cloud that run at once.
const AT_ONCE: usize = 2;

fn job(program: &Program) -> Job {
    let name = format!("{} {}", program.package, program.target);
    Job { name, command: program.command() }
}

/// The tests in the documentation, which only cargo can run.
fn examples() -> Command {
    let mut command = cargo(["test", "--doc", "--no-fail-fast"]);
    command.args(WORKSPACE).arg("--");
    command
}

/// Installs the cloud, and the suites that run against it.
fn install(has_suites: bool) -> Result<()> {
    Cloud::install()?;
    if has_suites {
        // The step of the suites tries again, and reports the error.
        let _ = foreign::install();
    }
    Ok(())
}

/// The test programs with tests against a real cloud. Those of one line share a cloud. The tests of faults wait for
/// time-outs, and restart services.
const REAL: [(&str, &[&str]); 2] = [
    ("-calls", &["bulk", "cloud", "configurations", "conformance"]),
    ("-faults", &["faults", "paging", "pulling"]),
];

/// Starts clouds, runs tests against them, and removes them in any case.
fn against_clouds(
    programs: &[Program],
    filter: &[&str],
    is_full: bool,
    left_out: &Mutex<BTreeSet<String>>,
) -> Result<()> {
    let tests = |(suffix, names): (&str, &[&str])| {
        let cloud = Cloud::of_some_tests(suffix)?;
        cloud.call("clean")?;
        let run = |environment: Vec<(String, String)>| {
            let chosen = programs.iter().filter(|program| names.contains(&&*program.target));
            let mut jobs: Vec<Job> = chosen.map(job).collect();
            for job in &mut jobs {
                job.name.push_str(", real cloud");
                // One test at a time: the few workers of the cloud are the bottleneck, and some tests measure times.
                // The tests of the sandbox have already run.
                tests_of(&mut job.command, is_full)
                    .args(filter)
                    .args(["--test-threads", "1", "--skip", "sandbox::"])
                    .envs(environment.iter().map(|(name, value)| (name, value)));
            }
            programs::run_all(jobs, 1, limit(is_full), left_out)
        };
        let done = cloud.call("up").and_then(|()| cloud.environment()).and_then(run);
        let down = cloud.call("clean");
        done.and(down)
    };
    let results = thread::scope(|scope| {
        let running = REAL.map(|group| scope.spawn(move || tests(group)));
        running.map(|running| running.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked"))))
    });
    results.into_iter().collect()
}

/// The page of a full run: the machine and the results.
fn full_table(steps: &Steps) -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(root()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.unwrap_or_default().trim().to_owned()
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "# Last full test\n\n\
         Written by `cargo xtask test --full`, which runs everything that CI runs, and the larger \
         size of tests with two sizes.\n\n\
         - date: {}\n- commit: {}\n- compiler: {}\n- machine: {} of {}\n\n\
         ```text\n{}```\n",
        said("date", &["-u", "+%F"]),
        said("git", &["describe", "--always", "--dirty"]),
        said("rustc", &["--version"]),
        if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") },
        model.trim_start_matches([' ', '\t', ':']),
        steps.table()
    )
}
