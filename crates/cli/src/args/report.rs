//! `imgpush report`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{JsonArgs, heading};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(subcommand)]
    pub(crate) command: ReportCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Merge the JSON reports of several runs, and name missing shards
    ///
    /// A report is the output of `push`, `pull`, `verify` or `digest` with --json. If several reports have the
    /// same item, as after a retry, its last success counts, or else its last failure.
    Merge(MergeArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # The results of all shards
  imgpush report merge shard-*.json

  # One report of all shards as JSON and HTML
  imgpush report merge --json --html report.html shard-*.json > all.json

The HTML report has timelines if the shards ran with --json=full.

Exit codes: 0 all items succeeded, 27 some failed or a shard is missing or
incomplete, 10 a file is not a report; if all failed, the code of the first.")]
pub(crate) struct MergeArgs {
    /// Reports: files with JSON documents, one per line
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Write an HTML report about the pushes to FILE
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) html: Option<PathBuf>,

    /// Replace an existing HTML report; without it, the file is an error
    #[arg(long, requires = "html", hide_short_help = true, help_heading = heading::OUTPUT)]
    pub(crate) overwrite: bool,

    #[command(flatten)]
    pub(crate) json: JsonArgs,
}
