//! `--json` and `-f json`.

use clap::Args;

use super::heading;

/// Output as JSON documents, one per line.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::OUTPUT)]
pub(crate) struct JsonArgs {
    /// Print results as JSON, one object per line
    #[arg(long)]
    json: bool,

    /// Same as --json; the only format is `json`
    #[arg(short = 'f', long, value_name = "FORMAT", value_parser = only_json,
        conflicts_with = "json", hide_short_help = true)]
    format: Option<OnlyJson>,
}

impl JsonArgs {
    /// Whether results are printed as JSON.
    pub(crate) fn is_on(&self) -> bool {
        self.json || self.format.is_some()
    }
}

/// The only value of `--format` in commands that print text otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OnlyJson;

pub(super) fn only_json(text: &str) -> Result<OnlyJson, String> {
    match text {
        "json" => Ok(OnlyJson),
        _ => Err("this command prints text by default and JSON with `-f json`".to_owned()),
    }
}
