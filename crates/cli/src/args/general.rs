//! Options of every command that concern the program itself.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::heading;
use crate::color::ColorWhen;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::GENERAL)]
pub(crate) struct GeneralArgs {
    /// Log operations to stderr; -vv logs more details
    ///
    /// Passwords and tokens are never logged.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Log requests and responses to stderr, with passwords and tokens masked
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) debug: bool,

    /// Append the log to FILE, with at least the details of -vv
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) log_file: Option<PathBuf>,

    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_short_help = true
    )]
    pub(crate) color: ColorWhen,

    /// Print help; -h prints a summary, --help all options
    #[arg(short, long, global = true, action = ArgAction::Help)]
    help: Option<bool>,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}
