//! How the record of an image comes and goes.

use std::time::Duration;

use http::StatusCode;
use imgpush_client::{Error as ClientError, Image, Status};
use tokio::time::{sleep, timeout};

use super::state::{Record, UploadJob};
use crate::integrity::IntegrityError;
use crate::progress::Phase;
use crate::push::error::{PushFailure, RecordOutcome};
use crate::push::report::{Note, NoteId};
use crate::transfer::upload::state_of;

impl UploadJob<'_> {
    /// Makes the record, unless there is one. An id made here cannot be another image's, so that a creation
    /// whose answer was lost can be asked for again.
    pub(super) async fn create(&mut self) -> Result<(), PushFailure> {
        if self.record != Record::Made {
            self.create_as_before().await?;
        }
        if self.record == Record::Made {
            return Ok(());
        }
        let is_ours = self.options.id.is_none();
        let id = match &self.options.id {
            Some(id) => id.clone(),
            None => uuid::Uuid::new_v4().to_string(),
        };
        let record = match self.ask_for(&id, is_ours).await? {
            // The answer to an earlier try was lost.
            Err(ClientError::Conflict(answer)) if is_ours => {
                let lost = ClientError::Conflict(answer);
                let found = self.target.client.image(&self.id).await;
                found.map_err(|_| PushFailure::NotCreated { source: lost })?
            }
            created => created.map_err(|source| self.not_created(source))?,
        };
        self.has_record();
        if record.status() != Status::Queued {
            return Err(IntegrityError::Mismatch {
                field: "status",
                expected: Status::Queued.to_string(),
                found: record.status().to_string(),
            }
            .into());
        }
        Ok(())
    }

    /// Makes the record under an id that follows from what the image is; `false` when that is taken, be it by
    /// this very call, whose first answer was lost.
    pub(super) async fn create_as(&mut self, id: &str) -> Result<bool, PushFailure> {
        match self.ask_for(id, true).await? {
            Ok(_) => {
                self.has_record();
                Ok(true)
            }
            Err(ClientError::Conflict(_)) => {
                self.record = Record::None;
                self.tell_gone(id);
                Ok(false)
            }
            Err(error) => Err(self.not_created(error)),
        }
    }

    /// There is a record of this id, for this job.
    pub(super) fn has_record(&mut self) {
        self.record = Record::Made;
        self.target.progress.record(&self.id);
    }

    async fn ask_for(
        &mut self,
        id: &str,
        is_repeatable: bool,
    ) -> Result<Result<Image, ClientError>, PushFailure> {
        self.enter(Phase::Creating);
        self.write_down(id)?;
        id.clone_into(&mut self.id);
        self.image.set_id(id);
        self.record = Record::Asked;
        let (client, image) = (&self.target.client, &self.image);
        let create = || client.create(image);
        let when = |error: &ClientError| is_repeatable && error.is_transient();
        Ok(self.options.retry.call("creating the record", when, create).await)
    }

    /// Tells who keeps account that an id is about to be asked for.
    pub(super) fn write_down(&self, id: &str) -> Result<(), PushFailure> {
        let Some(records) = &self.target.records else { return Ok(()) };
        records.asking(id).map_err(|source| PushFailure::NotRecorded { id: id.to_owned(), source })
    }

    /// Tells who keeps account that there is no such record, or that it is another's.
    pub(super) fn tell_gone(&self, id: &str) {
        if let Some(records) = &self.target.records {
            records.gone(id);
        }
    }

    fn not_created(&mut self, source: ClientError) -> PushFailure {
        // Behind a time-out, or an error of a proxy, nobody knows whether there is a record now.
        let is_refused = source.status().is_some_and(|status| {
            status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT
        });
        if is_refused {
            self.record = Record::None;
            self.tell_gone(&self.id);
            PushFailure::NotCreated { source }
        } else {
            PushFailure::Client { during: "creating the image record", source }
        }
    }

    /// Removes a record whose upload never ends, so that a new one is made.
    pub(super) async fn replace(&mut self, status: Option<&Status>) -> Result<bool, PushFailure> {
        let status = status.cloned().unwrap_or(Status::Saving);
        if self.options.id.is_some() {
            return Err(PushFailure::Stuck { id: self.id.clone(), status });
        }
        self.enter(Phase::Removing);
        let client = &self.target.client;
        let removed = self
            .options
            .retry
            .call("removing the record", ClientError::is_transient, || {
                client.delete_if_exists(&self.id)
            })
            .await;
        let fate = match removed {
            Ok(_) => {
                self.tell_gone(&self.id);
                "it was deleted".to_owned()
            }
            Err(error) => format!("it could not be deleted ({error})"),
        };
        let text = format!(
            "image {} stayed {status} although its upload was over; {fate}, and another one made",
            self.id
        );
        self.target.progress.note(&text);
        self.notes.push(Note { id: NoteId::CreatedAnew, text });
        self.record = Record::None;
        Ok(true)
    }

    /// Sees to the record of a push that failed, and says what became of it. One that `may_stay` has all
    /// its data, proved.
    pub(super) async fn dispose(&self, may_stay: bool, hurried: bool) -> RecordOutcome {
        let id = self.id.clone();
        // Such an id may be another image's, as long as no answer says otherwise.
        let is_anybodys = self.options.id.is_some() || self.existing.derivation.is_some();
        let outcome = match self.record {
            _ if may_stay => RecordOutcome::Kept { id, state: "the image is active".to_owned() },
            Record::None => RecordOutcome::NoRecord,
            Record::Asked if is_anybodys => {
                RecordOutcome::Left { id, reason: "nobody knows whether it was made".to_owned() }
            }
            _ if self.options.keep_failed => self.kept(id).await,
            _ => self.remove(id, hurried).await,
        };
        let is_gone = matches!(outcome, RecordOutcome::NoRecord | RecordOutcome::Removed { .. });
        if is_gone && self.record != Record::None {
            self.tell_gone(&self.id);
        }
        outcome
    }

    async fn kept(&self, id: String) -> RecordOutcome {
        let state = timeout(HURRIED, self.target.client.image(&id)).await;
        let state = state.map_or_else(
            |_| Err("the service does not answer".to_owned()),
            |image| image.map_err(|error| error.to_string()),
        );
        RecordOutcome::Kept { id, state: state_of(&state) }
    }

    /// Removes the record, or says why it is still there. A record that may still be on its way is looked
    /// for twice.
    async fn remove(&self, id: String, hurried: bool) -> RecordOutcome {
        self.enter(Phase::Removing);
        let client = &self.target.client;
        let mut reason = "the service did not answer in time".to_owned();
        let removing = async {
            let mut expected = self.record != Record::Made;
            loop {
                let error = match client.delete(&id).await {
                    Ok(()) => return RecordOutcome::Removed { id: id.clone() },
                    Err(ClientError::NotFound(_)) if !expected => return RecordOutcome::NoRecord,
                    Err(ClientError::NotFound(_)) => {
                        expected = false;
                        sleep(CREATION_TIME).await;
                        continue;
                    }
                    Err(error) => error,
                };
                reason = error.to_string();
                if !error.is_transient() {
                    return RecordOutcome::Left { id: id.clone(), reason: reason.clone() };
                }
                sleep(REMOVE_INTERVAL).await;
            }
        };
        match timeout(if hurried { HURRIED } else { PATIENT }, removing).await {
            Ok(outcome) => outcome,
            Err(_) => RecordOutcome::Left { id, reason },
        }
    }
}

/// Time to remove the record when somebody waits at the terminal.
const HURRIED: Duration = Duration::from_millis(1500);
/// Time to remove the record otherwise.
const PATIENT: Duration = Duration::from_secs(30);
/// Between two tries to remove a record.
const REMOVE_INTERVAL: Duration = Duration::from_millis(200);
/// A creation whose answer was not waited for is done, or never will be, after this.
const CREATION_TIME: Duration = Duration::from_millis(500);
