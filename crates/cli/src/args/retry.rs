//! Retries of uploads.

use std::time::Duration;

use clap::Args;
use imgpush_engine::RetryOptions;

use super::heading;
use super::values::duration;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::UPLOAD)]
pub(crate) struct RetryArgs {
    /// Retries after connection and server errors
    ///
    /// Broken connections and 408, 429 and 5xx responses are retried. The back-off grows from 1 s to 1
    /// minute, with jitter. Data from stdin cannot be sent again.
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,

    /// Time after which no retry starts [default: unlimited]
    ///
    /// It is measured from the start of the first attempt. Write 90s, 5m, 1h or seconds.
    #[arg(long, value_name = "DURATION", value_parser = duration, hide_short_help = true)]
    retry_max_time: Option<Duration>,

    /// Time to wait for Glance to notice an interrupted upload
    ///
    /// An image that is still `saving` after that is deleted and created again.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration,
        hide_short_help = true)]
    settle_timeout: Duration,
}

impl RetryArgs {
    /// The options of the engine.
    pub(crate) fn options(&self) -> RetryOptions {
        let options = RetryOptions::default().with_retries(self.retries);
        match self.retry_max_time {
            Some(time) => options.with_max_time(time),
            None => options,
        }
    }

    /// The time that an image has to leave `saving`.
    pub(crate) fn settle_timeout(&self) -> Duration {
        self.settle_timeout
    }
}
