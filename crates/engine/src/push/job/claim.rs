//! How an upload gets its record while other runs upload the same image.
//!
//! [`Ownership`](crate::push::ownership::Ownership) decides; this file sends the requests.

use std::time::{Duration, Instant};

use imgpush_client::{Error as ClientError, Image, Status};
use imgpush_digest::Algorithm;
use imgpush_source::Published;
use tokio::time::sleep;

use super::derived_id::MOST_IDS;
use super::settle::is_unfinished;
use super::state::{JobStep, PendingComparison, Theirs, UploadJob, Waiting};
use crate::convert::StoredView;
use crate::integrity::compare::{self, Verdict};
use crate::integrity::{Produced, VerifiedBy};
use crate::progress::Phase;
use crate::push::error::PushFailure;
use crate::push::ownership::{Ask, End, IDLE, Publication, RUN_PROPERTY, Sight};
use crate::push::recovery::cannot_verify;
use crate::push::report::{Note, NoteId, PushAction};
use crate::transfer::TransferError;
use crate::transfer::branch::Branch;

impl UploadJob<'_> {
    /// Gets a record to upload to. Returns the branch if the upload starts now. The branch is dropped while
    /// this job waits for another run, so that the other targets do not wait. If the source can be read only
    /// once, they do.
    pub(super) async fn claim(
        &mut self,
        mut branch: Option<Branch>,
    ) -> Result<Option<Branch>, PushFailure> {
        self.remove_leftover().await;
        loop {
            match self.ownership.next() {
                Ask::Upload => return Ok(branch),
                Ask::Create(number) => self.create(number).await?,
                Ask::Look(number) => self.fetch_number(number).await?,
                Ask::LookAgain(number) => {
                    branch = branch.filter(|_| !self.source_facts.can_be_read_again);
                    self.enter(Phase::Waiting);
                    sleep(INTERVAL).await;
                    self.fetch_number(number).await?;
                }
                Ask::Compare(_) => {
                    branch = self.compare_theirs(branch).await?;
                    if !self.is_sending() {
                        return Ok(None);
                    }
                }
                Ask::Nothing(End::Failed) => return Err(self.no_id_left()),
                Ask::Nothing(_) | Ask::Publish | Ask::Delete => return Ok(None),
            }
        }
    }

    /// Whether the next step is still the upload.
    fn is_sending(&self) -> bool {
        matches!(self.step(), Some(JobStep::Sending(_) | JobStep::Fetching))
    }

    /// Returns the id of this number: the given one, a derived one, or a random one, which is used once.
    pub(super) fn id_of(&self, number: u32) -> String {
        if let Some(id) = &self.options.id {
            return id.clone();
        }
        match &self.existing.derivation {
            Some(derivation) if number < MOST_IDS => derivation.id(number),
            _ if self.id_number == Some(number) => self.id.clone(),
            _ => uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Whether other runs can use the id of this number too.
    pub(super) fn is_shared(&self, number: u32) -> bool {
        self.options.id.is_some() || (self.existing.derivation.is_some() && number < MOST_IDS)
    }

    /// Fetches the record of this number.
    pub(super) async fn fetch_number(&mut self, number: u32) -> Result<(), PushFailure> {
        let id = self.id_of(number);
        let has_none = self.ownership.own().is_none();
        let sight = match self.fetch_other(&id).await? {
            Some((image, _)) if has_none && self.is_made_by_us(number, &image) => {
                self.adopt(image).await?
            }
            Some((image, age)) if self.matches_push(&image) => self.sight(number, image, age)?,
            _ => Sight::Gone,
        };
        let is_waiting = matches!(
            sight,
            Sight::Unfinished { is_idle: false } | Sight::Active(Publication::Pending)
        );
        if !is_waiting && has_none {
            self.stop_waiting(&id, sight);
        }
        self.ownership.seen(sight);
        Ok(())
    }

    /// Fetches the image with this id, and its age; `None` if it is deleted, or belongs to another project.
    pub(super) async fn fetch_other(
        &self,
        id: &str,
    ) -> Result<Option<(Image, Option<Duration>)>, PushFailure> {
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let fetch = || client.image_and_age(id);
        match retry.call("the request for an image", ClientError::is_transient, fetch).await {
            Ok(fetched) => Ok(Some(fetched)),
            Err(ClientError::NotFound(_) | ClientError::Forbidden(_)) => Ok(None),
            Err(source) => {
                Err(PushFailure::Client { during: "look up the image of another run", source })
            }
        }
    }

    /// Whether this run created the record, or an earlier run of the journal. A random id is never that of
    /// another run.
    fn is_made_by_us(&self, number: u32, image: &Image) -> bool {
        let token = image.property(RUN_PROPERTY);
        let is_in_journal = self.is_earlier(image);
        is_in_journal || !self.is_shared(number) || token == Some(&self.token)
    }

    /// Takes over a record whose creation was not answered, or that an earlier run has left. Updates its
    /// attributes to those of the new record.
    async fn adopt(&mut self, image: Image) -> Result<Sight, PushFailure> {
        if image.status() != Status::Queued {
            return Ok(Sight::Gone);
        }
        let mut wanted = image.clone();
        let keys = self.image.record().iter().filter(|(key, _)| *key != "id");
        for (key, value) in keys {
            // Ignore attributes that can be set only at the creation.
            let _ = wanted.set(key, value.clone());
        }
        if image.property(RUN_PROPERTY).is_some() {
            let _ = wanted.set_property(RUN_PROPERTY, &*self.token);
        }
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let commit = || client.commit(&wanted);
        match retry.call("the update of the record", ClientError::is_transient, commit).await {
            Ok(_) => {
                self.existing.leftover = None;
                image.id().clone_into(&mut self.id);
                self.has_record();
                Ok(Sight::Own)
            }
            Err(ClientError::NotFound(_)) => Ok(Sight::Gone),
            Err(source) => Err(PushFailure::Client { during: "update the image record", source }),
        }
    }

    /// Interprets the record of another run. The job waits for it at most
    /// [`wait_for_others`](crate::PushOptions::wait_for_others) without a change.
    fn sight(
        &mut self,
        number: u32,
        image: Image,
        age: Option<Duration>,
    ) -> Result<Sight, PushFailure> {
        let status = image.status();
        let is_pending = image.property(RUN_PROPERTY).is_some();
        if status == Status::Active && !is_pending {
            self.existing.theirs = Some(Theirs(image));
            return Ok(Sight::Active(Publication::Published));
        }
        let state = (status.clone(), image.updated_at().map(str::to_owned));
        let waiting = match self.existing.waiting.take() {
            Some(waiting) if waiting.number == number => {
                let is_same = waiting.state == state;
                let since = if is_same { waiting.since } else { Instant::now() };
                Waiting { state, since, ..waiting }
            }
            _ => Waiting { number, state, since: Instant::now(), started: Instant::now() },
        };
        let waited = waiting.since.elapsed();
        let unchanged = waited.max(age.unwrap_or_default());
        let (seconds, limit) = (waiting.started.elapsed().as_secs(), self.options.wait_for_others);
        self.existing.waiting = Some(waiting);
        match status {
            Status::Queued => Ok(Sight::Unfinished { is_idle: unchanged >= limit }),
            Status::Active if unchanged >= IDLE => {
                self.existing.theirs = Some(Theirs(image));
                Ok(Sight::Active(Publication::Idle))
            }
            // The other run may have been killed right before it published the image.
            Status::Active if unchanged >= limit => Ok(Sight::Unfinished { is_idle: true }),
            Status::Active => Ok(Sight::Active(Publication::Pending)),
            status if waited >= limit => {
                Err(PushFailure::StillTheirs { id: image.id().to_owned(), status, seconds })
            }
            _ => Ok(Sight::Unfinished { is_idle: false }),
        }
    }

    /// Adds notes: how long the job has waited for another run, and which record that run has left.
    fn stop_waiting(&mut self, id: &str, sight: Sight) {
        let Some(waiting) = self.existing.waiting.take() else { return };
        let seconds = waiting.started.elapsed().as_secs();
        if seconds > 0 {
            let text = format!("waited {seconds} s for image {id} of another run");
            self.notes.push(Note { id: NoteId::Waited, text });
        }
        if sight == (Sight::Unfinished { is_idle: true }) {
            let text = format!(
                "image {id} of another run has not changed for too long and was left unchanged; delete it \
                 if that run has ended"
            );
            self.target.progress.note(&text);
            self.notes.push(Note { id: NoteId::PassedOver, text });
        }
    }

    /// Compares the active image of another run with the source: by a known digest of the source, otherwise
    /// by reading the source.
    async fn compare_theirs(
        &mut self,
        branch: Option<Branch>,
    ) -> Result<Option<Branch>, PushFailure> {
        let Some(Theirs(image)) = self.existing.theirs.take() else {
            self.ownership.compared(false);
            return Ok(branch);
        };
        if self.may_be_converted()
            && self.source_facts.can_be_read_again
            && let Some(inspection) = self.inspection()
            && let Some(view) = StoredView::of_converted(&image, inspection, self.source_facts.size)
        {
            self.compare_with_theirs(image, Some(view), None);
            return Ok(None);
        }
        if let Some(produced) = self.existing.produced.clone() {
            self.judge_theirs(image, &produced).await?;
            return Ok(branch);
        }
        match self.is_as_published(&image) {
            Some(true) => {
                self.ownership.compared(true);
                let by = vec![VerifiedBy::OsHashValue];
                self.keep(image, by, None, PushAction::TakenOver).await?;
                return Ok(None);
            }
            Some(false) => {
                self.ownership.compared(false);
                return Ok(branch);
            }
            None => {}
        }
        match branch {
            Some(branch) if !self.source_facts.can_be_read_again => {
                let produced = drained(branch).await?;
                self.existing.produced = Some(produced.clone());
                let id = image.id().to_owned();
                self.judge_theirs(image, &produced).await?;
                if self.is_sending() {
                    return Err(cannot_verify(format!(
                        "image {id} has the id of this upload but other data, and {} can be read only once",
                        self.source_facts.name
                    )));
                }
            }
            _ => self.compare_with_theirs(image, None, None),
        }
        Ok(None)
    }

    /// Requests a pass over the source, or over a view of it, to compare it with the image of another run.
    fn compare_with_theirs(
        &mut self,
        image: Image,
        view: Option<StoredView>,
        algorithm: Option<Algorithm>,
    ) {
        let comparison = PendingComparison {
            is_theirs: true,
            view,
            algorithm,
            ..PendingComparison::at(vec![image])
        };
        self.set_step(JobStep::PendingComparison(comparison));
    }

    /// Compares the image of another run with a source whose digests are known.
    async fn judge_theirs(&mut self, image: Image, produced: &Produced) -> Result<(), PushFailure> {
        match compare::compare(&image, produced) {
            Ok(Verdict::Verified(by)) => {
                self.ownership.compared(true);
                self.keep(image, by, Some(produced), PushAction::TakenOver).await
            }
            Ok(Verdict::Needs(algorithm)) if self.source_facts.can_be_read_again => {
                self.compare_with_theirs(image, None, Some(algorithm));
                Ok(())
            }
            Ok(Verdict::Needs(_)) | Err(_) => {
                self.ownership.compared(false);
                Ok(())
            }
        }
    }

    /// Whether the image has the published digest of the source; `None` if no digest of the algorithm of the
    /// service is published.
    pub(super) fn is_as_published(&self, image: &Image) -> Option<bool> {
        let (algorithm, value) = image.hash_algo().zip(image.hash_value())?;
        let is_comparable =
            |one: &&Published| !one.is_compressed && one.digest.algorithm().name() == algorithm;
        let published = self.source_facts.published.iter().find(is_comparable)?;
        Some(published.digest.to_string() == value)
    }

    /// Whether this upload could have created the image: it belongs to the project, and has the name and
    /// `os_hidden` of the new one.
    pub(super) fn matches_push(&self, image: &Image) -> bool {
        let has_name = image.name().is_some_and(|name| self.may_be_called(name));
        self.is_ours(image) && has_name && may_have_data(&image.status())
    }

    fn no_id_left(&mut self) -> PushFailure {
        match self.existing.refusal.take() {
            Some(source) => PushFailure::NotCreated { source },
            None => cannot_verify("all image ids that this push may use are in use".to_owned()),
        }
    }
}

/// Reads a branch to its end without an upload, and returns the digests.
async fn drained(mut branch: Branch) -> Result<Produced, PushFailure> {
    while branch.queue.recv().await.is_some() {}
    let end = branch.end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
    Ok(end.unwrap_or(Err(TransferError::Withheld))?)
}

/// Whether an image of this status has its data, or may still get it.
fn may_have_data(status: &Status) -> bool {
    is_unfinished(status) || *status == Status::Active
}

/// The pause between two requests for the image of another run.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
