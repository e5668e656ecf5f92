//! The developers' one entry. `cargo xtask help` lists what there is.

mod api;
mod arrows;
mod bench;
mod check;
mod cloud;
mod corpus;
mod docs;
mod fuzz;
mod guard;
mod kernels;
mod package;
mod peers;
mod picture;
mod places;
mod step;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks, tests and measures imgpush
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Formatting, lints, documentation, licences, and the arrows between crates
    Check {
        /// Ask the advisory database too, which needs the network
        #[arg(long)]
        advisories: bool,
    },
    /// All tests; brings a real Keystone and Glance up and down itself
    Test {
        /// Leave out what needs the real cloud
        #[arg(long)]
        no_cloud: bool,
        /// Make the larger of two sizes: dozens of kills, large matrices, long fuzzing, a stream of more
        /// than 4 GiB, and a build of each package; writes docs/full-test.md
        #[arg(long)]
        full: bool,
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// Only the imports between crates and inside them, against docs/layers.txt
    Arrows {
        /// Print layers that fit the imports of a crate as they are
        #[arg(long, value_name = "CRATE")]
        suggest: Option<String>,
    },
    /// Writes the public items of each library to docs/api
    Api,
    /// Draws docs/layers.svg from docs/layers.txt
    Picture,
    /// Builds the user guide with mdBook, if it is installed, and the documentation of the libraries
    Docs {
        /// Only check the links of all pages
        #[arg(long)]
        check: bool,
    },
    /// `ratios`: the hashing plane beside others, and whether the goals are met, with `--release` in that
    /// profile instead of `dist`; `guard`: only whether the kernels are as fast as they must be, in the
    /// profiles that matter most, with `--full` in all; `start`: the CPU time of answers without a cloud;
    /// `inspect`: what it costs to know an image; `peers` and `bulk`: whole pushes of one image, and
    /// of many, beside those of other clients, with `--quick` smaller ones;
    /// anything else goes to criterion
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// What a push of 1 GiB and of 64 GiB takes of memory, against a null server
    Memory,
    /// Has real disk images judged, against qemu-img and the service's inspector
    Corpus {
        /// Write docs/disk-images.md instead
        #[arg(long)]
        table: bool,
    },
    /// Looks for inputs that break a parser, for longer than a test may take
    Fuzz {
        #[command(subcommand)]
        verb: fuzz::FuzzVerb,
    },
    /// Uploads real disk images to a real Glance as every disk_format, against what is predicted
    Verdicts,
    /// The real cloud of tests/cloud: up, down, env, status, clients, clean
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
        Verb::Docs { check: false } => docs::build(),
        Verb::Docs { check: true } => docs::check(),
        Verb::Bench { arguments } => bench::run_verb(&arguments),
        Verb::Memory => bench::memory(),
        Verb::Corpus { table: false } => corpus::test(),
        Verb::Corpus { table: true } => corpus::table(),
        Verb::Fuzz { verb } => fuzz::run_verb(&verb),
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
