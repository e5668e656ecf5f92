//! Fleets: schedulers of other projects run `imgpush` on several nodes, against a real cloud, and a node fails.

mod files;
mod scene;
mod slurm;

use anyhow::Result;
use clap::Subcommand;

use crate::places::root;
use crate::step::{Steps, say};

#[derive(Subcommand)]
pub(crate) enum FleetVerb {
    /// Push images as an array of Slurm, and kill a node; needs slurmctld, slurmd and slurm-client
    Slurm {
        /// Write the result to docs/fleet-slurm.md
        #[arg(long)]
        table: bool,
    },
    /// Check the files of docs/guide/fleets with the tools of their systems, which are installed
    Files,
}

pub(crate) fn run_verb(verb: &FleetVerb) -> Result<()> {
    match verb {
        FleetVerb::Slurm { table } => on_slurm(*table),
        FleetVerb::Files => files::check(),
    }
}

/// Runs all of it, as a part of a full test.
pub(crate) fn long(steps: &mut Steps) {
    match slurm::is_installed() {
        true => drop(steps.step(SLURM, || on_slurm(true))),
        false => steps.miss(SLURM, slurm::MISSING),
    }
    steps.step("fleet: files of the guide", files::check);
}

const SLURM: &str = "fleet: Slurm";

/// Prints the result, and writes it to a page if that is wanted.
fn on_slurm(table: bool) -> Result<()> {
    let page = slurm::fleet()?;
    say(&page);
    if table {
        std::fs::write(root().join("docs/fleet-slurm.md"), page)?;
    }
    Ok(())
}
