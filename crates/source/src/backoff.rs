//! Back-off with jitter, for reads that are resumed after an interruption.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// Time-out and retries of a read that can be resumed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Maximum time without a received byte; 60 s by default.
    pub idle_timeout: Duration,
    /// Number of consecutive requests without a received byte after an interruption; 5 by default.
    pub retries: u32,
    /// Pause before the first of these requests; it doubles with each; 500 ms by default.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy::new(Duration::from_secs(60), 5, Duration::from_millis(500))
    }
}

impl RetryPolicy {
    /// A policy with these values.
    #[must_use]
    pub fn new(idle_timeout: Duration, retries: u32, pause: Duration) -> Self {
        RetryPolicy { idle_timeout, retries, pause }
    }

    /// Sets the maximum time without a received byte.
    #[must_use]
    pub fn with_idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = time;
        self
    }

    /// Sets the number of consecutive requests without a received byte.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the pause before the first of these requests.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The pause after this number of failures.
    #[must_use]
    pub fn before(&self, failures: u32) -> Duration {
        pause(self.pause, LONGEST_PAUSE, failures)
    }
}

/// Long enough for a service that restarts, short enough for a person who watches.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The pause after this number of consecutive failures of a read that is resumed.
pub(crate) fn pause(first: Duration, longest: Duration, failures: u32) -> Duration {
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(first)
        .with_max_delay(longest)
        .with_jitter()
        .without_max_times()
        .build();
    // At this count every pause has reached the maximum.
    let at = failures.min(32) as usize;
    pauses.nth(at).expect("the number of pauses is unlimited")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_many_failures_the_pause_is_the_longest() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(30));
        for (failures, base) in [(0, first), (1, first * 2), (3, first * 8), (u32::MAX, longest)] {
            let pause = pause(first, longest, failures);
            assert!((base..=base * 2).contains(&pause), "{pause:?} after {failures}");
        }
    }
}
