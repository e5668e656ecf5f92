//! The section "Configurations" of `docs/compatibility.md`.

use anyhow::Result;

use crate::cloud::Cloud;
use crate::step::{WORKSPACE, build, cargo, run};

/// Runs openstackclient, openstacksdk and imgpush with all configurations of tests/tests/configurations, and writes
/// the outcomes.
pub(crate) fn write() -> Result<()> {
    if !Cloud::python().exists() {
        Cloud::install()?;
    }
    build()?;
    run(cargo(["test", "--test", "configurations"])
        .args(WORKSPACE)
        .env("CLOUD_VENV", Cloud::venv())
        .env("IMGPUSH_CONFIGURATIONS", "write"))
}
