//! Whether a failed upload is tried again, and how: decided from the failure and the image's status alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff};
use http::StatusCode;
use imgpush_client::{Error as ClientError, Status};
use imgpush_source::SourceError;

use super::error::PushFailure;
use crate::error::chain;
use crate::integrity::IntegrityError;
use crate::progress::Retrying;
use crate::retry::{RetryOptions, requested_pause};
use crate::transfer::TransferError;

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
    pub(crate) fn grant(&mut self, remedy: Remedy, failure: &PushFailure) -> Option<Duration> {
        if remedy == Remedy::NewToken && !self.renewed {
            self.renewed = true;
            return Some(self.first_pause);
        }
        let pause = self.pauses.next()?.max(requested_pause(failure.retry_after()));
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
    /// Sending to a new record in place of this one, whose upload never ends, or which is deleted.
    NewRecord,
}

/// The record that the upload was sent to.
pub(crate) struct RecordState<'a> {
    /// Its status; none if it could not be fetched.
    pub(crate) status: Option<&'a Status>,
    /// Whether another record can take its place although somebody has deleted it.
    pub(crate) is_replaceable: bool,
    /// Whether the service may have all the data.
    pub(crate) may_be_complete: bool,
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
/// | nothing: the source failed, and may be readable when it is read again | again |
///
/// Each of them where the image is `queued`. One that stays `saving` or `uploading` has an upload whose
/// server is gone: a new record, unless the service may still be saving all the data, since its connection is
/// not broken. Anything else, `active` above all, is nothing to send to.
///
/// Two refusals are about the record and not about the bytes: 404 or 410 where another record can take its
/// place, and 409 where an earlier attempt may still be under way.
pub(crate) fn remedy(failure: &PushFailure, record: &RecordState<'_>) -> Remedy {
    match failure.call() {
        Some(ClientError::NotFound(_) | ClientError::Gone(_)) if record.is_replaceable => {
            return Remedy::NewRecord;
        }
        Some(ClientError::Conflict(_)) if record.may_be_complete => return Remedy::Again,
        _ => {}
    }
    let is_broken = matches!(failure.transfer_error(), Some(TransferError::Broken { .. }));
    let remedy = match (failure.call(), failure) {
        (Some(ClientError::Unauthorized(_)), _) => Remedy::NewToken,
        (Some(error), _) if error.is_transient() && !is_for_ever(error) => Remedy::Again,
        (
            None,
            PushFailure::Transfer(
                TransferError::Broken { .. }
                | TransferError::Stalled { .. }
                | TransferError::Unanswered { .. }
                | TransferError::TooSlow,
            ),
        ) => Remedy::Again,
        _ if failure.source_error().is_some_and(SourceError::is_worth_a_retry) => Remedy::Again,
        _ => return Remedy::None,
    };
    match record.status {
        // What cannot be asked now can perhaps when the pause is over.
        Some(Status::Queued) | None => remedy,
        Some(Status::Saving | Status::Uploading) if !record.may_be_complete || is_broken => {
            Remedy::NewRecord
        }
        Some(_) => Remedy::None,
    }
}

/// Whether a server error says that it will be so next time.
fn is_for_ever(error: &ClientError) -> bool {
    let never = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED];
    error.status().is_some_and(|status| never.contains(&status))
}

/// What is told of a new try.
pub(crate) fn retrying(
    cloud: &str,
    failure: &PushFailure,
    pause: Duration,
    retries: &Retries,
) -> Retrying {
    Retrying {
        cloud: cloud.to_owned(),
        reason: chain(failure),
        pause,
        number: retries.granted,
        of: retries.most,
    }
}

pub(super) fn cannot_verify(reason: String) -> PushFailure {
    IntegrityError::CannotVerify { reason }.into()
}

/// What failed, and cannot be tried again since the source can be read only once.
pub(super) fn read_once(name: String, failure: PushFailure) -> PushFailure {
    match failure {
        PushFailure::Transfer(error) => {
            TransferError::ReadOnce { name, source: Some(Box::new(error)) }.into()
        }
        PushFailure::Client { during, source } => {
            read_once(name, TransferError::Client { during, source: Arc::new(source) }.into())
        }
        failure => failure,
    }
}

const LAST_SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> PushFailure {
        TransferError::Broken { sent: 1, state: String::new(), source: None }.into()
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
        fn record(status: Option<&Status>) -> RecordState<'_> {
            RecordState { status, is_replaceable: true, may_be_complete: false }
        }
        for (status, expected) in [
            (Some(Status::Queued), Remedy::Again),
            (None, Remedy::Again),
            (Some(Status::Saving), Remedy::NewRecord),
            (Some(Status::Uploading), Remedy::NewRecord),
            (Some(Status::Active), Remedy::None),
            (Some(Status::Deleted), Remedy::None),
        ] {
            assert_eq!(remedy(&broken(), &record(status.as_ref())), expected, "{status:?}");
        }
        let complete = RecordState { may_be_complete: true, ..record(Some(&Status::Saving)) };
        assert_eq!(remedy(&broken(), &complete), Remedy::NewRecord);
        let state = String::new();
        let unanswered = TransferError::Unanswered { seconds: 1, state }.into();
        assert_eq!(remedy(&unanswered, &complete), Remedy::None);
        let decided = IntegrityError::Mismatch {
            field: "size",
            expected: String::new(),
            found: String::new(),
        };
        assert_eq!(remedy(&decided.into(), &record(Some(&Status::Queued))), Remedy::None);
    }
}
