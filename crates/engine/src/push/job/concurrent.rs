//! Records of other runs that meant the same image, at the same time or before.

use std::time::{Duration, Instant};

use imgpush_client::{Error as ClientError, Image, Status};
use tokio::time::sleep;

use super::derived_id::MOST_IDS;
use super::state::Record;
use super::state::{JobStep, UploadJob};
use crate::progress::Phase;
use crate::push::error::PushFailure;
use crate::push::ledger::Earlier;
use crate::push::report::{Note, NoteId};

/// What asking for a record has come to.
pub(super) enum Claimed {
    Ours,
    /// Another run was first.
    Theirs(Box<Image>),
}

impl UploadJob<'_> {
    /// Makes the record, or finds the one that another run has made: a service gives an id that follows from
    /// the image to one of them.
    pub(super) async fn claim(&mut self) -> Result<Claimed, PushFailure> {
        if self.record != Record::Made {
            self.use_or_remove_leftover().await?;
        }
        while self.record != Record::Made {
            let number = self.existing.used_ids;
            let derivation = self.existing.derivation.as_ref().filter(|_| number < MOST_IDS);
            let Some(id) = derivation.map(|derivation| derivation.id(number)) else {
                self.existing.derivation = None;
                self.create().await?;
                break;
            };
            if self.create_as(&id).await? {
                break;
            }
            match self.made_alike(&id).await? {
                Some(image) => return Ok(Claimed::Theirs(Box::new(image))),
                None => self.existing.used_ids += 1,
            }
        }
        Ok(Claimed::Ours)
    }

    /// The image of an id, if it is as if this push had made it, and may come to something.
    async fn made_alike(&self, id: &str) -> Result<Option<Image>, PushFailure> {
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let fetch = || client.image(id);
        let image = match retry.call("fetching an image", ClientError::is_transient, fetch).await {
            Ok(image) => image,
            // Deleted, or another project's.
            Err(ClientError::NotFound(_) | ClientError::Forbidden(_)) => return Ok(None),
            Err(source) => {
                return Err(PushFailure::Client {
                    during: "asking for another run's image",
                    source,
                });
            }
        };
        let is_alike =
            self.is_ours(&image) && image.name().is_some_and(|name| self.may_be_called(name));
        let is_hopeful = is_in_the_making(&image.status()) || image.status() == Status::Active;
        Ok(Some(image).filter(|_| is_alike && is_hopeful))
    }

    /// Waits for what another run makes. Afterwards there is an end, or a record to send to, or none.
    pub(super) async fn wait_for(&mut self, image: Image) -> Result<(), PushFailure> {
        let begun = Instant::now();
        let id = image.id().to_owned();
        let is_dead = self.is_earlier(&id);
        let mut queued_since: Option<Instant> = None;
        let mut found = Some(image);
        self.set_step(JobStep::first(&self.target.via));
        while let Some(image) = found {
            match image.status() {
                Status::Active => {
                    self.waited(&id, begun);
                    return self.judge_theirs(image).await;
                }
                Status::Queued => {
                    let since = *queued_since.get_or_insert_with(Instant::now);
                    if is_dead || since.elapsed() >= GRACE {
                        self.waited(&id, begun);
                        return self.take_over(&image).await;
                    }
                }
                status => {
                    queued_since = None;
                    if is_dead && begun.elapsed() >= self.options.settle_timeout {
                        self.remove_dead(&id, &status).await;
                        break;
                    }
                }
            }
            let seconds = begun.elapsed().as_secs();
            if begun.elapsed() >= self.options.wait_for_others {
                return Err(PushFailure::StillTheirs { id, status: image.status(), seconds });
            }
            self.enter(Phase::Waiting);
            sleep(INTERVAL).await;
            found = self.made_alike(&id).await?;
        }
        self.existing.used_ids += 1;
        Ok(())
    }

    fn waited(&mut self, id: &str, begun: Instant) {
        let seconds = begun.elapsed().as_secs();
        if seconds > 0 {
            let text =
                format!("image {id}, which another run had begun, was waited for {seconds} s");
            self.notes.push(Note { id: NoteId::Waited, text });
        }
    }

    /// Sends to a record whose run is gone. It gets what this one's would have.
    async fn take_over(&mut self, image: &Image) -> Result<(), PushFailure> {
        self.write_down(image.id())?;
        let mut wanted = image.clone();
        let keys = self.image.record().iter().filter(|(key, _)| *key != "id");
        for (key, value) in keys {
            // What only a new record may have is what it has.
            let _ = wanted.set(key, value.clone());
        }
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let committing = || client.commit(&wanted);
        match retry.call("taking over a record", ClientError::is_transient, committing).await {
            Ok(_) => {
                image.id().clone_into(&mut self.id);
                self.has_record();
                Ok(())
            }
            // It is gone, or another one was quicker; which of the two shows when it is asked for again.
            Err(ClientError::NotFound(_) | ClientError::Conflict(_)) => {
                self.tell_gone(image.id());
                Ok(())
            }
            Err(source) => {
                Err(PushFailure::Client { during: "taking over another run's image", source })
            }
        }
    }

    /// Whether a sending failed as another run has this record now, or has removed it. It is not this one's
    /// any more then.
    pub(super) fn is_lost(&self, failure: &PushFailure) -> bool {
        self.existing.derivation.is_some()
            && self.subject.has_way_back
            && matches!(
                failure.call(),
                Some(ClientError::Conflict(_) | ClientError::NotFound(_) | ClientError::Gone(_))
            )
    }

    /// Leaves the record to the run that has it now, and waits for that.
    pub(super) async fn leave_to_others(&mut self) -> Result<(), PushFailure> {
        self.record = Record::None;
        let id = self.id.clone();
        self.tell_gone(&id);
        match self.made_alike(&id).await? {
            Some(image) => Box::pin(self.wait_for(image)).await,
            None => {
                self.existing.used_ids += 1;
                Ok(())
            }
        }
    }

    /// What a run that is gone has begun: an image with its data is given back, to be compared; a record
    /// without is remembered; one whose upload never ends is removed.
    pub(super) async fn look_for_earlier(&mut self) -> Result<Option<Image>, PushFailure> {
        let Some(Earlier::Begun { id }) = &self.target.earlier else { return Ok(None) };
        let begun = Instant::now();
        loop {
            let Some(image) = self.made_alike(id).await? else {
                self.existing.asked_for = Some(id.clone());
                return Ok(None);
            };
            match image.status() {
                Status::Active => return Ok(Some(image)),
                Status::Queued => {
                    self.existing.leftover = Some(id.clone());
                    return Ok(None);
                }
                status if begun.elapsed() >= self.options.settle_timeout => {
                    if self.options.id.as_ref() == Some(id) {
                        return Err(PushFailure::Stuck { id: id.clone(), status });
                    }
                    self.remove_dead(id, &status).await;
                    return Ok(None);
                }
                _ => {
                    self.enter(Phase::Waiting);
                    sleep(INTERVAL).await;
                }
            }
        }
    }

    /// The image that an earlier run has proved, if it is still what it was.
    pub(super) async fn proved_earlier(&self) -> Result<Option<Image>, PushFailure> {
        let Some(Earlier::Proved { id, os_hash_algo, os_hash_value }) = &self.target.earlier else {
            return Ok(None);
        };
        let is_as_before = |image: &Image| {
            image.status() == Status::Active
                && image.hash_algo() == Some(os_hash_algo)
                && image.hash_value() == Some(os_hash_value)
        };
        Ok(self.made_alike(id).await?.filter(is_as_before))
    }

    pub(super) fn is_earlier(&self, id: &str) -> bool {
        matches!(&self.target.earlier, Some(Earlier::Begun { id: begun }) if begun == id)
    }

    /// Makes the record under the id that a run that is gone had asked for, and that nobody has: its request may
    /// still be on its way, and would leave a record of its own under any other id. One that has come meanwhile
    /// is taken over; one that was deleted since leaves nothing to make.
    pub(super) async fn create_as_before(&mut self) -> Result<(), PushFailure> {
        let Some(id) = self.existing.asked_for.take() else { return Ok(()) };
        if self.options.id.is_some() || self.create_as(&id).await? {
            return Ok(());
        }
        match self.made_alike(&id).await? {
            Some(image) if image.status() == Status::Queued => self.take_over(&image).await,
            _ => Ok(()),
        }
    }

    /// Takes over the record that a run that is gone has left without data where its id is asked for, else
    /// removes it.
    async fn use_or_remove_leftover(&mut self) -> Result<(), PushFailure> {
        if let Some(id) = self.options.id.clone()
            && self.existing.leftover.as_ref() == Some(&id)
        {
            self.existing.leftover = None;
            if let Some(image) = self.made_alike(&id).await? {
                return self.take_over(&image).await;
            }
        }
        self.remove_leftover().await;
        Ok(())
    }

    /// Removes the record that a run that is gone has left without data, unless this one gets to it by its id.
    pub(super) async fn remove_leftover(&mut self) {
        let Some(id) = self.existing.leftover.take() else { return };
        let is_to_be_found = |derivation: &super::derived_id::Derivation| derivation.has(&id);
        if !self.existing.derivation.as_ref().is_some_and(is_to_be_found) {
            self.remove_dead(&id, &Status::Queued).await;
        }
    }

    /// Removes what a run that is gone has left. Where that fails, it is said, and nothing is lost.
    async fn remove_dead(&mut self, id: &str, status: &Status) {
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let delete = || client.delete_if_exists(id);
        let text = match retry.call("removing", ClientError::is_transient, delete).await {
            Ok(_) => {
                self.tell_gone(id);
                format!("image {id}, which an earlier run had left {status}, was deleted")
            }
            Err(error) => {
                format!(
                    "image {id}, left {status} by an earlier run, could not be deleted: {error}"
                )
            }
        };
        self.target.progress.note(&text);
        self.notes.push(Note { id: NoteId::CreatedAnew, text });
    }
}

fn is_in_the_making(status: &Status) -> bool {
    matches!(status, Status::Queued | Status::Saving | Status::Uploading | Status::Importing)
}

/// A run that has made its record sends at once, so one that stays `queued` for so long has nobody: a service
/// shows `saving` a moment after it has the head of the request. A run that was cut off tries again within half
/// of it, at first.
const GRACE: Duration = Duration::from_secs(6);
/// Between two looks at what another run makes.
const INTERVAL: Duration = Duration::from_secs(1);
