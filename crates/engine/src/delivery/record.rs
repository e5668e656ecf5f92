//! How the record of an image comes and goes.

use std::time::Duration;

use http::StatusCode;
use imgpush_client::{Error as ClientError, Status};
use tokio::time::{sleep, timeout};

use super::Delivery;
use crate::error::{Failure, Fate};
use crate::progress::Phase;
use crate::report::Note;
use crate::sending::state_of;

/// Whether there is a record of that id, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    None,
    /// Asked for; nobody knows.
    Asked,
    Made,
}

impl Delivery<'_> {
    /// Makes the record, unless there is one. An id made here cannot be another image's, so that a creation
    /// whose answer was lost can be asked for again.
    pub(super) async fn create(&mut self) -> Result<(), Failure> {
        if self.record == Record::Made {
            return Ok(());
        }
        self.enter(Phase::Creating);
        let is_ours = self.options.id.is_none();
        self.id = match &self.options.id {
            Some(id) => id.clone(),
            None => uuid::Uuid::new_v4().to_string(),
        };
        self.image.set_id(&self.id);
        self.record = Record::Asked;
        let (client, image) = (&self.target.client, &self.image);
        let created = self
            .options
            .retry
            .call("creating the record", |e| is_ours && e.is_transient(), || client.create(image))
            .await;
        let record = match created {
            // The answer to an earlier try was lost.
            Err(ClientError::Conflict(answer)) if is_ours => {
                let lost = ClientError::Conflict(answer);
                client.image(&self.id).await.map_err(|_| Failure::NotCreated { source: lost })?
            }
            created => created.map_err(|source| self.not_created(source))?,
        };
        self.record = Record::Made;
        if record.status() != Status::Queued {
            return Err(Failure::Mismatch {
                field: "status",
                expected: Status::Queued.to_string(),
                found: record.status().to_string(),
            });
        }
        Ok(())
    }

    fn not_created(&mut self, source: ClientError) -> Failure {
        // Behind a time-out, or an error of a proxy, nobody knows whether there is a record now.
        let is_refused = source.status().is_some_and(|status| {
            status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT
        });
        if is_refused {
            self.record = Record::None;
            Failure::NotCreated { source }
        } else {
            Failure::Client { during: "creating the image record", source }
        }
    }

    /// Removes a record whose upload never ends, so that a new one is made.
    pub(super) async fn replace(&mut self, status: Option<&Status>) -> Result<bool, Failure> {
        let status = status.cloned().unwrap_or(Status::Saving);
        if self.options.id.is_some() {
            return Err(Failure::Stuck { id: self.id.clone(), status });
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
            Ok(_) => "it was deleted".to_owned(),
            Err(error) => format!("it could not be deleted ({error})"),
        };
        let text = format!(
            "image {} stayed {status} although its upload was over; {fate}, and another one made",
            self.id
        );
        self.target.progress.note(&text);
        self.notes.push(Note { id: "created-anew", text });
        self.record = Record::None;
        Ok(true)
    }

    /// Sees to the record of a push that failed, and says what became of it. One that `may_stay` has all
    /// its data, proved.
    pub(super) async fn dispose(&self, may_stay: bool, hurried: bool) -> Fate {
        let id = self.id.clone();
        let is_callers = self.options.id.is_some();
        match self.record {
            Record::None => Fate::NoRecord,
            Record::Made if may_stay => Fate::Kept { id, state: "the image is active".to_owned() },
            // An id of the caller's may be another image's, as long as no answer says otherwise.
            Record::Asked if is_callers => {
                Fate::Left { id, reason: "nobody knows whether it was made".to_owned() }
            }
            _ if self.options.keep_failed => self.kept(id).await,
            _ => self.remove(id, hurried).await,
        }
    }

    async fn kept(&self, id: String) -> Fate {
        let state = timeout(HURRIED, self.target.client.image(&id)).await;
        let state = state.map_or_else(
            |_| Err("the service does not answer".to_owned()),
            |image| image.map_err(|error| error.to_string()),
        );
        Fate::Kept { id, state: state_of(&state) }
    }

    /// Removes the record, or says why it is still there. A record that may still be on its way is looked
    /// for twice.
    async fn remove(&self, id: String, hurried: bool) -> Fate {
        self.enter(Phase::Removing);
        let client = &self.target.client;
        let mut reason = "the service did not answer in time".to_owned();
        let removing = async {
            let mut expected = self.record != Record::Made;
            loop {
                let error = match client.delete(&id).await {
                    Ok(()) => return Fate::Removed { id: id.clone() },
                    Err(ClientError::NotFound(_)) if !expected => return Fate::NoRecord,
                    Err(ClientError::NotFound(_)) => {
                        expected = false;
                        sleep(CREATION_TIME).await;
                        continue;
                    }
                    Err(error) => error,
                };
                reason = error.to_string();
                if !error.is_transient() {
                    return Fate::Left { id: id.clone(), reason: reason.clone() };
                }
                sleep(REMOVE_INTERVAL).await;
            }
        };
        match timeout(if hurried { HURRIED } else { PATIENT }, removing).await {
            Ok(fate) => fate,
            Err(_) => Fate::Left { id, reason },
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
