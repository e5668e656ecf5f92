//! The retry policy: whether and when a request or a transfer is repeated. It does no I/O of its own;
//! [`RetryOptions::call`] repeats the calls that it is given.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use imgpush_client::Error as ClientError;

use crate::setters::setters;

/// The retry policy for transient errors.
///
/// The pauses double from the first to the longest. Each is extended by a random jitter of up to its own
/// length, so that many clients do not retry at the same time. The pause is at least the `Retry-After` of the
/// service, of which at most 300 s count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryOptions {
    /// Number of retries after the first attempt, 5 by default.
    pub retries: u32,
    /// No retry starts later than this after the start of the first attempt; no limit by default.
    pub max_time: Option<Duration>,
    /// The first pause, 1 s by default.
    pub first_pause: Duration,
    /// The longest pause, 60 s by default.
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
    /// A policy without retries.
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

    /// The policy for small requests after a large transfer: at least 3 retries and no time limit, so that a
    /// transient error does not waste the transfer.
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

    /// Makes an idempotent call, and repeats it while `when` returns true for its error. `what` names the
    /// call in the log.
    pub(crate) async fn call<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        what: &'static str,
        when: impl FnMut(&ClientError) -> bool,
        call: impl FnMut() -> F,
    ) -> Result<T, ClientError> {
        call.retry(self.schedule())
            .when(when)
            .adjust(|error, pause| pause.map(|pause| pause.max(requested_pause_of(error))))
            .notify(|error, pause| tracing::warn!(%error, ?pause, "retrying {what}"))
            .await
    }
}

/// The pause that the service requests with `Retry-After`, limited to 300 s.
pub(crate) fn requested_pause_of(error: &ClientError) -> Duration {
    requested_pause(error.retry_after())
}

/// The pause that a server requests, limited to 300 s.
pub(crate) fn requested_pause(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER)
}

/// Upper limit of a `Retry-After`.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);
