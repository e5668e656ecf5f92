//! Whether and when something is tried again. Knows neither network nor clock, but for the time that
//! was spent.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder, Retryable};
use http::StatusCode;
use imgpush_client::{Error as ClientError, Status};

use crate::error::Failure;

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

    /// So many tries behind the first one.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// No new try when so much time has gone.
    #[must_use]
    pub fn with_max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Pauses from `first` to `longest`.
    #[must_use]
    pub fn with_pauses(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_pause, self.longest_pause) = (first, longest);
        self
    }

    /// For small calls behind a large transfer, which should not be lost for one of them.
    pub(crate) fn for_small_calls(&self) -> Self {
        RetryOptions { retries: self.retries.max(3), max_time: None, ..self.clone() }
    }

    fn schedule(&self) -> ExponentialBuilder {
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
fn patience(error: &ClientError) -> Duration {
    error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER)
}

/// What is left of the tries of one target.
#[derive(Debug)]
pub(crate) struct Retries {
    pauses: ExponentialBackoff,
    begun: Instant,
    max_time: Option<Duration>,
    first_pause: Duration,
    /// Whether a token was renewed.
    renewed: bool,
    /// Tries granted so far.
    pub(crate) granted: u32,
    /// The most there will be.
    pub(crate) most: u32,
}

impl Retries {
    pub(crate) fn new(options: &RetryOptions) -> Self {
        Retries {
            pauses: options.schedule().with_total_delay(None).build(),
            begun: Instant::now(),
            max_time: options.max_time,
            first_pause: options.first_pause,
            renewed: false,
            granted: 0,
            most: options.retries,
        }
    }

    /// Whether there are none.
    pub(crate) fn is_spent(&self) -> bool {
        self.granted >= self.most || self.max_time.is_some_and(|most| self.begun.elapsed() >= most)
    }

    /// How long to wait for an image to settle: with no try left only to say how it is.
    pub(crate) fn settle_timeout(&self, settle_timeout: Duration) -> Duration {
        if self.is_spent() { settle_timeout.min(LAST_SETTLE_TIMEOUT) } else { settle_timeout }
    }

    /// The pause before another try; none when that was the last one. The first new token is no new try:
    /// the old one was good when the sending began. It is waited for all the same, since the service may
    /// yet begin with what broke off.
    pub(crate) fn grant(&mut self, remedy: Remedy, failure: &Failure) -> Option<Duration> {
        if remedy == Remedy::NewToken && !self.renewed {
            self.renewed = true;
            return Some(self.first_pause);
        }
        let least = match failure {
            Failure::Client { source, .. } => patience(source),
            _ => Duration::ZERO,
        };
        let pause = self.pauses.next()?.max(least);
        if self.max_time.is_some_and(|most| self.begun.elapsed() + pause > most) {
            return None;
        }
        self.granted += 1;
        Some(pause)
    }
}

/// What can mend a failed sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing: the same would happen again, or something worse.
    None,
    /// Sending to the same record.
    Again,
    /// The same with a new token.
    NewToken,
    /// Sending to a new record in place of this one, whose upload never ends.
    NewRecord,
}

/// What can mend a sending that ended so, and left the image in that status; none where it could not be
/// asked.
///
/// | the service says | remedy |
/// |---|---|
/// | 401 | a new token |
/// | 408, 429, 5xx | again |
/// | 400, 403, 404, 409, 410, 413, 415 | none: it decided about this image and these bytes |
/// | nothing: the connection broke, or was silent for too long | again |
///
/// Each of them where the image is `queued`. One that stays `saving` or `uploading` has an upload whose
/// server is gone: a new record. Anything else, `active` above all, is nothing to send to.
pub(crate) fn remedy(failure: &Failure, status: Option<&Status>) -> Remedy {
    let remedy = match failure {
        Failure::Client { source: ClientError::Unauthorized(_), .. } => Remedy::NewToken,
        Failure::Client { source, .. } if source.is_transient() && !is_for_ever(source) => {
            Remedy::Again
        }
        Failure::Broken { .. } | Failure::Stalled { .. } | Failure::TooSlow => Remedy::Again,
        _ => return Remedy::None,
    };
    match status {
        // What cannot be asked now can perhaps when the pause is over.
        Some(Status::Queued) | None => remedy,
        Some(Status::Saving | Status::Uploading) => Remedy::NewRecord,
        Some(_) => Remedy::None,
    }
}

/// Whether a server error says that it will be so next time.
fn is_for_ever(error: &ClientError) -> bool {
    let never = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED];
    error.status().is_some_and(|status| never.contains(&status))
}

const LAST_SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Nobody waits longer because a service says so.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> Failure {
        Failure::Broken { sent: 1, state: String::new(), source: None }
    }

    fn retries(options: &RetryOptions) -> Vec<Duration> {
        let mut retries = Retries::new(options);
        std::iter::from_fn(|| retries.grant(Remedy::Again, &broken())).collect()
    }

    #[test]
    fn pauses_grow_by_chance_and_have_an_end() {
        let options = RetryOptions::default()
            .with_retries(6)
            .with_pauses(Duration::from_secs(1), Duration::from_secs(8));
        let pauses = retries(&options);
        assert_eq!(pauses.len(), 6);
        for (pause, base) in pauses.iter().zip([1, 2, 4, 8, 8, 8]) {
            let base = Duration::from_secs(base);
            assert!((base..=base * 2).contains(pause), "{pause:?} for {base:?}");
        }
        assert!(retries(&RetryOptions::never()).is_empty());
    }

    #[test]
    fn a_new_token_costs_no_try_but_the_second_does() {
        let mut retries = Retries::new(&RetryOptions::never());
        assert_eq!(retries.grant(Remedy::NewToken, &broken()), Some(Duration::from_secs(1)));
        assert_eq!(retries.grant(Remedy::NewToken, &broken()), None);
    }

    #[test]
    fn a_try_that_would_come_too_late_is_none() {
        let options = RetryOptions::default().with_max_time(Duration::from_millis(900));
        assert!(retries(&options).is_empty());
    }

    #[test]
    fn only_an_image_that_takes_data_is_sent_to_again() {
        for (status, expected) in [
            (Some(Status::Queued), Remedy::Again),
            (None, Remedy::Again),
            (Some(Status::Saving), Remedy::NewRecord),
            (Some(Status::Uploading), Remedy::NewRecord),
            (Some(Status::Active), Remedy::None),
            (Some(Status::Deleted), Remedy::None),
        ] {
            assert_eq!(remedy(&broken(), status.as_ref()), expected, "{status:?}");
        }
        let decided =
            Failure::Mismatch { field: "size", expected: String::new(), found: String::new() };
        assert_eq!(remedy(&decided, Some(&Status::Queued)), Remedy::None);
    }
}
