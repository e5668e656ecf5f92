//! `cargo xtask foreign`: suites of other projects, run against the sandbox and against the real Glance.
//!
//! Each suite writes a line of JSON for each of its tests. A test that passes in the real Glance and not in
//! the sandbox, or a command that prints something else there, is a difference.

mod results;
mod sides;
mod suites;
mod table;
mod venv;

pub(crate) use self::suites::SHORT;
pub(crate) use self::venv::install;

use std::collections::BTreeMap;
use std::thread;

use anyhow::{Result, bail};

use self::results::{Difference, differences};
use self::sides::Side;
use self::suites::{SUITES, Suite};
use crate::cloud::Cloud;
use crate::step::say;

/// Runs the suites of these names, or all, and prints the table. With `is_written` the table of the page is
/// replaced as well.
pub(crate) fn run_verb(names: &[String], is_written: bool) -> Result<()> {
    Cloud::install()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    run(&names, is_written)
}

/// The same with a cloud that is installed. The suites have a cloud of their own, since images of other tests would
/// be in their lists.
pub(crate) fn run(names: &[&str], is_written: bool) -> Result<()> {
    install()?;
    let cloud = Cloud::of_tests()?;
    cloud.call("clean")?;
    let done = cloud
        .call("up")
        .and_then(|()| cloud.environment())
        .and_then(|environment| compare(names, &environment, is_written));
    cloud.call("clean")?;
    done
}

/// Runs suites against the sandbox and the running cloud with these variables.
fn compare(names: &[&str], environment: &[(String, String)], is_written: bool) -> Result<()> {
    let auth_url = environment.iter().find(|(name, _)| name == "OS_AUTH_URL");
    let Some((_, auth_url)) = auth_url else { bail!("the cloud has no OS_AUTH_URL") };
    let suites: Vec<&Suite> =
        SUITES.iter().filter(|suite| names.is_empty() || names.contains(&suite.name)).collect();
    if suites.is_empty() {
        let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        bail!("unknown suite; the suites are {}", known.join(", "));
    }
    let real = Side::real(auth_url)?;
    let sandbox = Side::sandbox()?;
    // Both services wait for their clients most of the time.
    let (on_real, on_sandbox) = thread::scope(|scope| {
        let running = scope.spawn(|| real.run(&suites));
        let on_sandbox = sandbox.run(&suites);
        (running.join(), on_sandbox)
    });
    let Ok(on_real) = on_real else { bail!("a thread panicked") };
    let (on_real, on_sandbox) = (on_real?, on_sandbox?);

    let known = results::known()?;
    let mut rows = Vec::new();
    let mut found: BTreeMap<&str, Vec<Difference>> = BTreeMap::new();
    for suite in &suites {
        let (real, sandbox) = (&on_real[suite.name], &on_sandbox[suite.name]);
        let differing = differences(suite, real, sandbox, &known);
        rows.push(table::Row::new(suite, real, sandbox, &differing));
        found.insert(suite.name, differing);
    }
    let text = table::text(&rows, &found);
    say(&text);
    if is_written {
        table::write(&text)?;
    }
    let unexpected: usize = found.values().flatten().filter(|found| found.reason.is_none()).count();
    if unexpected > 0 {
        bail!(
            "{unexpected} unexplained differences; the results are in {}",
            venv::folder().display()
        );
    }
    Ok(())
}
