//! `cargo xtask test`: every test there is.

use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};

use crate::cloud::Cloud;
use crate::places::root;
use crate::step::{Steps, WORKSPACE, cargo, run};
use crate::{corpus, kernels};

pub(crate) fn run_verb(no_cloud: bool, huge: bool, filter: Option<&str>) -> Result<()> {
    let mut steps = Steps::default();
    let filter: Vec<&str> = filter.into_iter().collect();
    // Waits for the network and the disk for a minute, while the compiler waits for the CPU.
    let installing = (!no_cloud).then(|| thread::spawn(Cloud::install));
    steps.step("build", || run(cargo(["build", "--all-targets"]).args(WORKSPACE)));
    steps.step("tests without a cloud", || {
        run(cargo(["test", "--no-fail-fast"])
            .args(WORKSPACE)
            .args(&filter)
            .args(["--", "--skip", "real::"]))
    });
    steps.step("fuzz corpora", || {
        let manifest = root().join("fuzz/Cargo.toml");
        run(cargo(["test", "--locked", "--manifest-path"]).arg(manifest).args(&filter))
    });
    if filter.is_empty() {
        kernels::test(&mut steps, huge);
    }
    if let Some(installing) = installing {
        with_cloud(&mut steps, installing, &filter);
    }
    // Behind the cloud, whose installation knows what the service makes of an image.
    if filter.is_empty() {
        match corpus::source() {
            Some(_) => _ = steps.step("real disk images", corpus::test),
            None => steps.leave_out("real disk images", corpus::MISSING),
        }
    }
    steps.finish()
}

/// Brings a cloud up, tests against it, and takes it down whatever happened.
fn with_cloud(steps: &mut Steps, installing: JoinHandle<Result<()>>, filter: &[&str]) {
    let cloud = match Cloud::of_tests() {
        Ok(cloud) => cloud,
        Err(error) => {
            steps.step("cloud up", || Err(error));
            return;
        }
    };
    let up = steps.step("cloud up", || {
        installing.join().map_err(|_| anyhow!("the installation panicked"))??;
        cloud.call("clean")?;
        cloud.call("up")
    });
    if up {
        steps.step("tests against the real cloud", || {
            let environment = cloud.environment()?;
            // One test at a time: the cloud's few workers are the bottleneck, and some tests time it.
            // The sandbox has had its turn.
            run(cargo(["test", "--no-fail-fast"])
                .args(WORKSPACE)
                .args(REAL.iter().flat_map(|test| ["--test", test]))
                .args(filter)
                .args(["--", "--test-threads", "1", "--skip", "sandbox::"])
                .envs(environment))
        });
    }
    steps.step("cloud down", || cloud.call("clean"));
}

/// The tests that know a real cloud.
const REAL: [&str; 6] = ["bulk", "cloud", "conformance", "faults", "paging", "pulling"];
