//! Whether and when something is tried again. Knows neither network nor clock, but for the time that
//! was spent.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use imgpush_client::Error as ClientError;

use crate::setters::setters;

/// How often and how long something that failed in passing is tried again.
///
/// The pauses double from the first to the longest, each with up to its length on top by chance, so that
/// many clients do not come back at once. A service that says `Retry-After` is left alone for that long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryOptions {
    /// Tries behind the first one, 5 by default.
    pub retries: u32,
    /// No new try when so much time has gone since the first one began; no limit by default.
    pub max_time: Option<Duration>,
    /// The first pause, 1 s by default.
    pub first_pause: Duration,
    /// The longest pause, a minute by default.
    pub longest_pause: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        RetryOptions {
            retries: 5,
            max_time: None,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl RetryOptions {
    /// Nothing is tried a second time.
    #[must_use]
    pub fn never() -> Self {
        RetryOptions { retries: 0, ..RetryOptions::default() }
    }

    setters! {
        /// Sets the number of retries.
        with_retries(retries: u32) = retries;
        /// Sets the time after which there is no retry.
        with_max_time(max_time: Duration) = Some(max_time);
        /// Sets the first pause.
        with_first_pause(first_pause: Duration) = first_pause;
        /// Sets the longest pause.
        with_longest_pause(longest_pause: Duration) = longest_pause;
    }

    /// Sets the first and the longest pause.
    #[must_use]
    pub fn with_pauses(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_pause, self.longest_pause) = (first, longest);
        self
    }

    /// For small calls behind a large transfer, which should not be lost for one of them.
    pub(crate) fn for_small_calls(&self) -> Self {
        RetryOptions { retries: self.retries.max(3), max_time: None, ..self.clone() }
    }

    pub(crate) fn schedule(&self) -> ExponentialBuilder {
        let tries = usize::try_from(self.retries).unwrap_or(usize::MAX);
        ExponentialBuilder::default()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(tries)
            .with_total_delay(self.max_time)
    }

    /// Makes a call that may be repeated, and repeats it while `when` says so of its error.
    pub(crate) async fn call<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        what: &'static str,
        when: impl FnMut(&ClientError) -> bool,
        call: impl FnMut() -> F,
    ) -> Result<T, ClientError> {
        call.retry(self.schedule())
            .when(when)
            .adjust(|error, pause| pause.map(|pause| pause.max(patience(error))))
            .notify(|error, pause| tracing::warn!(%error, ?pause, "{what} is tried again"))
            .await
    }
}

/// What a service asks for by `Retry-After`, within reason.
pub(crate) fn patience(error: &ClientError) -> Duration {
    requested_pause(error.retry_after())
}

/// What a server asks for, within reason.
pub(crate) fn requested_pause(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER)
}

/// Nobody waits longer because a service says so.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);
