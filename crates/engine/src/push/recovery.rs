//! The retry decision of an upload, from the failure and the status of the image alone. `push::job` and
//! `push::stage` carry it out.

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

/// The remaining retries of one target.
#[derive(Debug)]
pub(crate) struct Retries {
    pauses: ExponentialBackoff,
    started: Instant,
    max_time: Option<Duration>,
    first_pause: Duration,
    /// Whether the token was renewed.
    renewed: bool,
    /// Number of retries so far.
    pub(crate) granted: u32,
    /// Maximum number of retries.
    pub(crate) most: u32,
}

impl Retries {
    pub(crate) fn new(options: &RetryOptions) -> Self {
        Retries {
            pauses: options.schedule().with_total_delay(None).build(),
            started: Instant::now(),
            max_time: options.max_time,
            first_pause: options.first_pause,
            renewed: false,
            granted: 0,
            most: options.retries,
        }
    }

    /// Whether no retry is left.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.granted >= self.most
            || self.max_time.is_some_and(|most| self.started.elapsed() >= most)
    }

    /// How long to wait until the image settles. Shorter if no retry is left, because the status then only
    /// appears in the error.
    pub(crate) fn settle_timeout(&self, settle_timeout: Duration) -> Duration {
        if self.is_exhausted() { settle_timeout.min(LAST_SETTLE_TIMEOUT) } else { settle_timeout }
    }

    /// Returns the pause before the next retry; `None` if no retry is left. The first renewal of the token
    /// does not count as a retry, because the old token was valid when the upload started. It has a pause
    /// too: the service may still be about to process the interrupted request.
    pub(crate) fn grant(
        &mut self,
        retry_action: RetryAction,
        failure: &PushFailure,
    ) -> Option<Duration> {
        if retry_action == RetryAction::NewToken && !self.renewed {
            self.renewed = true;
            return Some(self.first_pause);
        }
        let pause = self.pauses.next()?.max(requested_pause(failure.retry_after()));
        if self.max_time.is_some_and(|most| self.started.elapsed() + pause > most) {
            return None;
        }
        self.granted += 1;
        Some(pause)
    }
}

/// How an upload is retried after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAction {
    /// Not at all: the failure would repeat, or data could be lost.
    None,
    /// Upload to the same record.
    SameRecord,
    /// Upload to the same record with a new token.
    NewToken,
    /// Upload to a new record, because the upload of the old one never ends or the old one is deleted.
    NewRecord,
}

/// The record that the upload was sent to.
pub(crate) struct RecordState<'a> {
    /// Its status; `None` if it could not be fetched.
    pub(crate) status: Option<&'a Status>,
    /// Whether another record can replace it after another client has deleted it.
    pub(crate) is_replaceable: bool,
    /// Whether the service may have received all data.
    pub(crate) may_be_complete: bool,
}

/// Decides how to retry an upload that ended with this failure, with the record in this state.
///
/// | response of the service | retry |
/// |---|---|
/// | 401 | with a new token |
/// | 408, 429, 5xx | yes |
/// | 400, 403, 404, 409, 410, 413, 415 | no: the service has rejected this image or these bytes |
/// | none: the connection broke or timed out | yes |
/// | none: the source failed, and may be readable on a second read | yes |
///
/// All of them require that the image is `queued`. If it stays `saving` or `uploading`, the upload has lost
/// its server process, and a new record is needed. The exception is an unbroken connection over which all
/// data was sent: the service may still be saving it. No other status, above all not `active`, is retried.
///
/// Two rejections concern the record and not the bytes: 404 or 410, if another record can replace it; and
/// 409, if an earlier attempt may still be in progress.
pub(crate) fn retry_action(failure: &PushFailure, record: &RecordState<'_>) -> RetryAction {
    match failure.call() {
        Some(ClientError::NotFound(_) | ClientError::Gone(_)) if record.is_replaceable => {
            return RetryAction::NewRecord;
        }
        Some(ClientError::Conflict(_)) if record.may_be_complete => return RetryAction::SameRecord,
        _ => {}
    }
    let is_broken = matches!(failure.transfer_error(), Some(TransferError::Broken { .. }));
    let retry_action = match (failure.call(), failure) {
        (Some(ClientError::Unauthorized(_)), _) => RetryAction::NewToken,
        (Some(error), _) if error.is_transient() && !is_permanent(error) => RetryAction::SameRecord,
        (
            None,
            PushFailure::Transfer(
                TransferError::Broken { .. }
                | TransferError::Stalled { .. }
                | TransferError::Unanswered { .. }
                | TransferError::TooSlow,
            ),
        ) => RetryAction::SameRecord,
        _ if failure.source_error().is_some_and(SourceError::is_worth_a_retry) => {
            RetryAction::SameRecord
        }
        _ => return RetryAction::None,
    };
    match record.status {
        // An unknown status may be available after the pause.
        Some(Status::Queued) | None => retry_action,
        Some(Status::Saving | Status::Uploading) if !record.may_be_complete || is_broken => {
            RetryAction::NewRecord
        }
        Some(_) => RetryAction::None,
    }
}

/// Whether a server error is permanent.
fn is_permanent(error: &ClientError) -> bool {
    let never = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED];
    error.status().is_some_and(|status| never.contains(&status))
}

/// The progress event of a retry.
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

/// Wraps a failure that cannot be retried because the source can be read only once.
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
        std::iter::from_fn(|| retries.grant(RetryAction::SameRecord, &broken())).collect()
    }

    #[test]
    fn pauses_grow_with_jitter_up_to_a_limit() {
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
    fn only_the_first_new_token_does_not_count_as_a_retry() {
        let mut retries = Retries::new(&RetryOptions::never());
        assert_eq!(retries.grant(RetryAction::NewToken, &broken()), Some(Duration::from_secs(1)));
        assert_eq!(retries.grant(RetryAction::NewToken, &broken()), None);
    }

    #[test]
    fn there_is_no_retry_after_the_time_limit() {
        let options = RetryOptions::default().with_max_time(Duration::from_millis(900));
        assert!(retries(&options).is_empty());
    }

    #[test]
    fn only_an_image_that_accepts_data_is_uploaded_to_again() {
        fn record(status: Option<&Status>) -> RecordState<'_> {
            RecordState { status, is_replaceable: true, may_be_complete: false }
        }
        for (status, expected) in [
            (Some(Status::Queued), RetryAction::SameRecord),
            (None, RetryAction::SameRecord),
            (Some(Status::Saving), RetryAction::NewRecord),
            (Some(Status::Uploading), RetryAction::NewRecord),
            (Some(Status::Active), RetryAction::None),
            (Some(Status::Deleted), RetryAction::None),
        ] {
            assert_eq!(retry_action(&broken(), &record(status.as_ref())), expected, "{status:?}");
        }
        let complete = RecordState { may_be_complete: true, ..record(Some(&Status::Saving)) };
        assert_eq!(retry_action(&broken(), &complete), RetryAction::NewRecord);
        let state = String::new();
        let unanswered = TransferError::Unanswered { seconds: 1, state }.into();
        assert_eq!(retry_action(&unanswered, &complete), RetryAction::None);
        let decided = IntegrityError::Mismatch {
            field: "size",
            expected: String::new(),
            found: String::new(),
        };
        assert_eq!(
            retry_action(&decided.into(), &record(Some(&Status::Queued))),
            RetryAction::None
        );
    }
}
