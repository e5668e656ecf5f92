//! `cargo xtask test`: every test there is.

use anyhow::Result;

use crate::cloud::Cloud;
use crate::root;
use crate::step::{Steps, cargo, run};
use crate::{corpus, kernels};

pub(crate) fn run_verb(no_cloud: bool, huge: bool, filter: Option<&str>) -> Result<()> {
    let mut steps = Steps::default();
    let filter: Vec<&str> = filter.into_iter().collect();
    steps.step("build", || run(&mut cargo(["build", "--workspace", "--all-targets", "--locked"])));
    steps.step("tests without a cloud", || {
        run(cargo(["test", "--workspace", "--locked", "--no-fail-fast"]).args(&filter))
    });
    steps.step("fuzz corpora", || {
        let manifest = root().join("fuzz/Cargo.toml");
        run(cargo(["test", "--locked", "--manifest-path"]).arg(manifest).args(&filter))
    });
    if filter.is_empty() {
        kernels::test(&mut steps, huge);
    }
    if !no_cloud {
        with_cloud(&mut steps, &filter);
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
fn with_cloud(steps: &mut Steps, filter: &[&str]) {
    let cloud = match Cloud::of_tests() {
        Ok(cloud) => cloud,
        Err(error) => {
            steps.step("cloud up", || Err(error));
            return;
        }
    };
    let up = steps.step("cloud up", || {
        cloud.call("clean")?;
        cloud.call("install")?;
        cloud.call("clients")?;
        cloud.call("up")
    });
    if up {
        steps.step("tests against the real cloud", || {
            let environment = cloud.environment()?;
            // The whole workspace, so that nothing is built again with other features. One test at a
            // time: the cloud's few workers are the bottleneck, and some tests time it. The sandbox has
            // had its turn.
            run(cargo(["test", "--workspace", "--features", "imgpush-tests/cloud", "--locked"])
                .arg("--no-fail-fast")
                .args(REAL.iter().flat_map(|test| ["--test", test]))
                .args(filter)
                .args(["--", "--test-threads", "1", "--skip", "sandbox::"])
                .envs(environment))
        });
    }
    steps.step("cloud down", || cloud.call("clean"));
}

/// The tests that know a real cloud.
const REAL: [&str; 8] = [
    "conformance",
    "cloud",
    "faults",
    "interchange",
    "openstackclient",
    "paging",
    "pulling",
    "targets",
];
