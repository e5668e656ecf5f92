//! The exit code that tells a scheduler to run the command again.

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::heading;
use crate::exit_code::{self, Code};

#[derive(Debug, Args)]
#[command(next_help_heading = heading::OUTPUT)]
pub(crate) struct RequeueArgs {
    /// Exit with this code if every failure was transient [default with the option: 75]
    ///
    /// Transient failures are those of the exit codes 22 (connection failed) and 25 (time-out). A scheduler can then
    /// run the command again after this code, and only after it.
    #[arg(long, value_name = "CODE", num_args = 0..=1, require_equals = true,
        default_missing_value = "75", hide_short_help = true,
        value_parser = RangedU64ValueParser::<u8>::new().range(1..=255))]
    requeue_exit: Option<u8>,
}

impl RequeueArgs {
    /// The exit code of a run that ends with `code`; `codes` are those of its images.
    pub(crate) fn code(&self, codes: &[Code], code: Code) -> Code {
        match self.requeue_exit {
            Some(requeue) if exit_code::is_transient(codes) => Code::of_number(requeue),
            _ => code,
        }
    }
}
