//! What is tried again, and for how long.

use std::time::Duration;

use clap::Args;
use imgpush_engine::RetryOptions;

use super::values::duration;

#[derive(Debug, Args)]
#[command(next_help_heading = "Retry options")]
pub(crate) struct RetryArgs {
    /// Send the data again so many times when the connection breaks or the service has no time
    ///
    /// The pauses grow from 1 s to a minute, by chance a little more. Only what can be read again is sent
    /// again, and nothing that the service refused.
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,

    /// Do not try again when so many seconds have gone since the start; no limit by default
    #[arg(long, value_name = "DURATION", value_parser = duration, hide_short_help = true)]
    retry_max_time: Option<Duration>,

    /// Wait so many seconds for the service to notice that an upload has broken off
    ///
    /// An image that stays `saving` for longer is deleted and made anew, since its upload never ends.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration,
        hide_short_help = true)]
    settle_timeout: Duration,
}

impl RetryArgs {
    /// For the engine.
    pub(crate) fn options(&self) -> RetryOptions {
        let options = RetryOptions::default().with_retries(self.retries);
        match self.retry_max_time {
            Some(time) => options.with_max_time(time),
            None => options,
        }
    }

    /// How long an image may take to settle.
    pub(crate) fn settle_timeout(&self) -> Duration {
        self.settle_timeout
    }
}
