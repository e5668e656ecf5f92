//! Creation and deletion of the image record.
//!
//! A record is deleted only if this run has created it, and if its data cannot be complete or differs from
//! the source.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use imgpush_client::{Error as ClientError, Image, Status};
use tokio::time::{sleep, timeout};

use super::state::{Record, UploadJob};
use crate::integrity::IntegrityError;
use crate::progress::Phase;
use crate::push::error::{PushFailure, RecordOutcome};
use crate::push::ownership::{Ask, Creation, RUN_PROPERTY};
use crate::push::report::{Note, NoteId};
use crate::transfer::upload::state_of;

impl UploadJob<'_> {
    /// Creates the record of this number, or finds that its id is in use.
    pub(super) async fn create(&mut self, number: u32) -> Result<(), PushFailure> {
        let id = match self.existing.requested_id.take() {
            // The request of an earlier run may still be in transit. One of the two requests then fails.
            Some(id) if !self.is_shared(number) => id,
            _ => self.id_of(number),
        };
        self.enter(Phase::Creating);
        let token = self.is_shared(number).then(|| self.token.clone());
        self.report_request(&id, token.as_deref())?;
        (self.id, self.id_number) = (id.clone(), Some(number));
        self.image.set_id(&id);
        self.record = Record::Asked;
        let answer = match self.post(token.is_some()).await {
            // Some services allow only administrators to set such properties.
            Err(ClientError::Forbidden(_)) if token.is_some() => {
                tracing::info!("the service rejects the property {RUN_PROPERTY}");
                self.post(false).await
            }
            answer => answer,
        };
        match answer {
            Ok(record) => {
                if record.id() != id {
                    tracing::warn!(requested = id, "the service has chosen another image id");
                    self.report_gone(&id);
                    record.id().clone_into(&mut self.id);
                    self.report_request(record.id(), token.as_deref())?;
                    // A random id is not derived from the source.
                    self.existing.derivation = None;
                }
                self.has_record();
                self.ownership.created(Creation::Created);
                match record.status() {
                    Status::Queued => Ok(()),
                    found => Err(IntegrityError::Mismatch {
                        field: "status",
                        expected: Status::Queued.to_string(),
                        found: found.to_string(),
                    }
                    .into()),
                }
            }
            Err(error @ ClientError::Conflict(_)) => {
                self.record = Record::None;
                self.report_gone(&id);
                self.existing.refusal = Some(error);
                self.ownership.created(Creation::Taken);
                Ok(())
            }
            Err(error) => Err(self.not_created(error)),
        }
    }

    /// Sends `POST /v2/images`, and retries after a transient error. If the id is in use then, the caller
    /// examines that record.
    async fn post(&self, has_token: bool) -> Result<Image, ClientError> {
        let mut image = self.image.clone();
        if has_token {
            let _ = image.set_property(RUN_PROPERTY, &*self.token);
        }
        let client = &self.target.client;
        let create = || client.create(&image);
        self.options
            .retry
            .call("the creation of the record", ClientError::is_transient, create)
            .await
    }

    /// Records that this run may upload to the record with this id.
    pub(super) fn has_record(&mut self) {
        self.record = Record::Made;
        self.may_be_complete.store(false, Ordering::Relaxed);
        self.target.progress.record(&self.id);
    }

    /// Reports to the journal that a record of this id is about to be created.
    fn report_request(&self, id: &str, token: Option<&str>) -> Result<(), PushFailure> {
        let Some(records) = &self.target.records else { return Ok(()) };
        let written = records.asking(id, token);
        written.map_err(|source| PushFailure::NotRecorded { id: id.to_owned(), source })
    }

    /// Reports to the journal that there is no such record, or that it belongs to another run.
    pub(super) fn report_gone(&self, id: &str) {
        if let Some(records) = &self.target.records {
            records.gone(id);
        }
    }

    fn not_created(&mut self, source: ClientError) -> PushFailure {
        // After a time-out or an error of a proxy, the record may exist.
        let is_refused = source.status().is_some_and(|status| {
            status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT
        });
        if is_refused {
            self.record = Record::None;
            self.report_gone(&self.id);
            PushFailure::NotCreated { source }
        } else {
            self.existing.is_creation_answered = source.answer().is_some();
            PushFailure::Client { during: "create the image record", source }
        }
    }

    /// Deletes a record whose upload never ends, or that another client has deleted, so that a new one is
    /// created.
    pub(super) async fn replace(&mut self, status: Option<&Status>) -> Result<(), PushFailure> {
        let status = status.cloned().unwrap_or(Status::Saving);
        if self.options.id.is_some() {
            return Err(PushFailure::Stuck { id: self.id.clone(), status });
        }
        self.enter(Phase::Removing);
        let client = &self.target.client;
        let retry = &self.options.retry;
        let delete = || client.delete_if_exists(&self.id);
        let deleted =
            retry.call("the deletion of the record", ClientError::is_transient, delete).await;
        let what = match &deleted {
            Ok(true) => {
                format!("stayed {status} after its upload had ended; it was deleted")
            }
            Ok(false) => "was deleted by another client during the upload".to_owned(),
            Err(error) => format!(
                "stayed {status} after its upload had ended; it could not be deleted ({error})"
            ),
        };
        if deleted.is_ok() {
            self.report_gone(&self.id);
        }
        let text = format!("image {} {what}; a new record is created", self.id);
        self.target.progress.note(&text);
        self.notes.push(Note { id: NoteId::CreatedAnew, text });
        self.record = Record::None;
        self.ownership.replace_record();
        self.ownership.deleted(true);
        Ok(())
    }

    /// Deletes the record of a failed upload if that is allowed, and returns its state. `is_kept` is true
    /// for a verified image.
    pub(super) async fn dispose(&mut self, is_kept: bool, is_hurried: bool) -> RecordOutcome {
        let id = self.id.clone();
        let outcome = match self.record {
            _ if is_kept => RecordOutcome::Kept { id, state: "the image is active".to_owned() },
            Record::None => RecordOutcome::NoRecord,
            Record::Asked => self.resolve_creation(id, is_hurried).await,
            Record::Made if self.options.keep_failed => self.kept(id).await,
            Record::Made => {
                let may_be_complete = self.may_be_complete.load(Ordering::Relaxed)
                    && !self.is_upload_over(is_hurried).await;
                self.ownership.give_up(may_be_complete);
                match self.ownership.next() {
                    Ask::Delete => self.delete(id, is_hurried).await,
                    _ => self.kept(id).await,
                }
            }
        };
        let is_gone = matches!(outcome, RecordOutcome::NoRecord | RecordOutcome::Removed { .. });
        if is_gone && self.record != Record::None {
            self.report_gone(&self.id);
        }
        outcome
    }

    /// Whether the service has discarded an upload whose last byte was handed to the connection. The
    /// connection is closed by now; the service needs a moment to notice that.
    async fn is_upload_over(&self, is_hurried: bool) -> bool {
        let lookup = async {
            loop {
                match self.target.client.image(&self.id).await.map(|image| image.status()) {
                    Ok(Status::Saving | Status::Uploading | Status::Importing) | Err(_) => {
                        sleep(DELETE_INTERVAL).await;
                    }
                    Ok(status) => return status != Status::Active,
                }
            }
        };
        let limit = if is_hurried {
            INTERRUPT_TIMEOUT
        } else {
            self.options.settle_timeout.min(CLEANUP_TIMEOUT)
        };
        timeout(limit, lookup).await.unwrap_or(false)
    }

    async fn kept(&self, id: String) -> RecordOutcome {
        let state = timeout(INTERRUPT_TIMEOUT, self.target.client.image(&id)).await;
        let state = state.map_or_else(
            |_| Err("the service does not answer".to_owned()),
            |image| image.map_err(|error| error.to_string()),
        );
        RecordOutcome::Kept { id, state: state_of(&state) }
    }

    /// Deletes a record whose creation was not answered, if it exists and belongs to this run. A missing
    /// record is requested a second time.
    async fn resolve_creation(&self, id: String, is_hurried: bool) -> RecordOutcome {
        self.enter(Phase::Removing);
        let client = &self.target.client;
        let unknown = "the service did not answer its creation";
        let mut reason = unknown.to_owned();
        let lookup = async {
            let mut looks = 0;
            loop {
                looks += 1;
                match client.image(&id).await {
                    Ok(image) => {
                        let number = self.id_number.unwrap_or_default();
                        let is_own = image.property(RUN_PROPERTY) == Some(&self.token);
                        return is_own || !self.is_shared(number);
                    }
                    Err(ClientError::NotFound(_)) if looks > 1 => return false,
                    Err(error) if !error.is_transient() && looks > 1 => {
                        reason = error.to_string();
                        return false;
                    }
                    Err(_) => sleep(CREATION_TIME).await,
                }
            }
        };
        match timeout(if is_hurried { INTERRUPT_TIMEOUT } else { CLEANUP_TIMEOUT }, lookup).await {
            Ok(true) => self.delete(id, is_hurried).await,
            Ok(false) if self.existing.is_creation_answered => RecordOutcome::NoRecord,
            _ => RecordOutcome::Left { id, reason },
        }
    }

    /// Deletes the record, or returns why it still exists.
    async fn delete(&self, id: String, is_hurried: bool) -> RecordOutcome {
        self.enter(Phase::Removing);
        let client = &self.target.client;
        let mut reason = "the service did not answer in time".to_owned();
        let deleting = async {
            loop {
                let error = match client.delete(&id).await {
                    Ok(()) => return RecordOutcome::Removed { id: id.clone() },
                    Err(ClientError::NotFound(_)) => return RecordOutcome::NoRecord,
                    Err(error) => error,
                };
                reason = error.to_string();
                if !error.is_transient() {
                    return RecordOutcome::Left { id: id.clone(), reason: reason.clone() };
                }
                sleep(DELETE_INTERVAL).await;
            }
        };
        match timeout(if is_hurried { INTERRUPT_TIMEOUT } else { CLEANUP_TIMEOUT }, deleting).await
        {
            Ok(outcome) => outcome,
            Err(_) => RecordOutcome::Left { id, reason },
        }
    }
}

/// Time limit of the deletion while a user waits at the terminal.
const INTERRUPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// Time limit of the deletion otherwise.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two attempts to delete the record.
const DELETE_INTERVAL: Duration = Duration::from_millis(200);
/// Most services have created a record this long after the request.
const CREATION_TIME: Duration = Duration::from_millis(500);
