//! Options of every command that concern the program itself.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, ColorChoice, ValueEnum};

use super::heading;

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

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorWhen {
    /// The value of `--color` in a command line that is not parsed yet: errors and help are coloured too.
    pub(crate) fn of(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
        let mut when = ColorWhen::Auto;
        while let Some(argument) = arguments.next() {
            let value = match argument.to_str() {
                Some("--color") => arguments.next().and_then(|value| value.into_string().ok()),
                Some(text) => text.strip_prefix("--color=").map(str::to_owned),
                None => None,
            };
            if let Some(value) = value {
                when = ColorWhen::from_str(&value, true).unwrap_or(when);
            }
        }
        when
    }

    /// For clap.
    pub(crate) fn choice(self) -> ColorChoice {
        match self {
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        }
    }

    /// Whether to use colours on a stream.
    pub(crate) fn is_on(self, is_terminal: bool) -> bool {
        match self {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                let is_refused =
                    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                is_terminal && !is_refused
            }
        }
    }
}
