//! The entry point for developers. `cargo xtask help` lists all commands.

mod api;
mod arrows;
mod bench;
mod check;
mod cloud;
mod configurations;
mod corpus;
mod docs;
mod fleet;
mod foreign;
mod fuzz;
mod guard;
mod kernels;
mod package;
mod peers;
mod picture;
mod pictures;
mod places;
mod programs;
mod step;
mod test;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Check, test and benchmark imgpush
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run all static checks: formatting, lints, documentation, licences, and imports between crates
    Check {
        /// Check the advisory database as well, which needs the network
        #[arg(long)]
        advisories: bool,
    },
    /// Run all tests; starts and stops a real Keystone and Glance itself
    Test {
        /// Leave out the tests that need the real cloud
        #[arg(long)]
        no_cloud: bool,
        /// Run the larger of two sizes: dozens of kills, large matrices, long fuzzing, a stream of more than
        /// 4 GiB, and a build of each package; writes docs/full-test.md
        #[arg(long)]
        full: bool,
        /// Run only the tests whose name contains this text
        filter: Option<String>,
    },
    /// Check only the imports between and within crates against docs/layers.txt
    Arrows {
        /// Print layers that match the existing imports of a crate
        #[arg(long, value_name = "CRATE")]
        suggest: Option<String>,
    },
    /// Write the public items of each library to docs/api
    Api,
    /// Draw docs/layers.svg from docs/layers.txt
    Picture,
    /// Draw the pictures of the README from real runs; needs tmux and Chromium
    Pictures,
    /// Draw the pictures, build the user guide with mdBook and the man pages, and document the libraries
    Docs {
        /// Only check the links of all pages
        #[arg(long)]
        check: bool,
    },
    /// Run benchmarks: `ratios`, the speed of hashing relative to other implementations, with a check of the
    /// goals, and with `--release` in that profile instead of `dist`; `guard`, only a check of the kernels'
    /// speed in the most important build profiles, with `--full` in all; `start`, the CPU time of commands
    /// without a cloud; `inspect`, the cost of inspecting an image; `peers` and `bulk`, complete pushes of
    /// one image and of many compared with other clients, and `convert`, conversions compared with those of
    /// qemu, all with `--quick` smaller ones; any other name is passed to criterion
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure the peak memory of a push of 1 GiB and of 64 GiB to a null server
    Memory,
    /// Compare the detection of real disk images with qemu-img and the service's inspector
    Corpus {
        /// Write docs/disk-images.md instead
        #[arg(long)]
        table: bool,
    },
    /// Compare the requests of openstackclient, openstacksdk and imgpush for many configurations, and write
    /// docs/compatibility.md
    Configurations,
    /// Search for inputs that break a parser, for longer than a test
    Fuzz {
        #[command(subcommand)]
        verb: fuzz::FuzzVerb,
    },
    /// Run imgpush under schedulers on several nodes that fail: `slurm`; or check the `files` of the guide
    Fleet {
        #[command(subcommand)]
        verb: fleet::FleetVerb,
    },
    /// Run suites of other projects against the sandbox and the real Glance, and print what differs: tempest,
    /// openstacksdk, glanceclient, commands, ansible, image-manager
    Foreign {
        /// Write the table to docs/compatibility.md
        #[arg(long)]
        table: bool,
        /// Only these suites
        suites: Vec<String>,
    },
    /// Upload real disk images to a real Glance with every disk_format, and compare with the predictions
    Verdicts,
    /// Manage the real cloud of tests/cloud: up, down, env, status, clients, clean
    Cloud { verb: String },
}

fn main() -> ExitCode {
    let done = match Args::parse().verb {
        Verb::Check { advisories } => check::run_verb(advisories),
        Verb::Test { no_cloud, full, filter } => test::run_verb(no_cloud, full, filter.as_deref()),
        Verb::Arrows { suggest: None } => arrows::check(),
        Verb::Arrows { suggest: Some(name) } => arrows::suggest(&name),
        Verb::Api => api::write(),
        Verb::Picture => picture::write(),
        Verb::Pictures => pictures::write(),
        Verb::Docs { check: false } => docs::build(),
        Verb::Docs { check: true } => docs::check(),
        Verb::Bench { arguments } => bench::run_verb(&arguments),
        Verb::Memory => bench::memory(),
        Verb::Corpus { table: false } => corpus::run_verb(),
        Verb::Corpus { table: true } => corpus::table(),
        Verb::Configurations => configurations::write(),
        Verb::Fuzz { verb } => fuzz::run_verb(&verb),
        Verb::Fleet { verb } => fleet::run_verb(&verb),
        Verb::Foreign { table, suites } => foreign::run_verb(&suites, table),
        Verb::Verdicts => corpus::verdicts(),
        Verb::Cloud { verb } => cloud::Cloud::of_user().call(&verb),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            step::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
