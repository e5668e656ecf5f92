//! What transfers print besides their results.

use clap::{Args, ValueEnum};

use super::heading;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::OUTPUT)]
pub(crate) struct DisplayArgs {
    /// Progress display on stderr
    #[arg(long, value_name = "MODE", default_value = "auto", hide_short_help = true)]
    pub(crate) progress: ProgressKind,

    /// Print complete digests
    #[arg(long, hide_short_help = true)]
    pub(crate) full: bool,

    /// Print only results and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressKind {
    /// Bar on a terminal, otherwise a line every 10 s
    Auto,
    /// JSON lines, two per second
    Json,
    /// No progress
    None,
}
