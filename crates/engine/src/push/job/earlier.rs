//! Cleanup after an earlier run of the same journal. This run has locked the journal, so the earlier one is
//! over.

use std::time::Instant;

use imgpush_client::{Error as ClientError, Image, Status};
use tokio::time::sleep;

use super::claim::INTERVAL;
use super::state::UploadJob;
use crate::integrity::IntegrityError;
use crate::progress::Phase;
use crate::push::error::PushFailure;
use crate::push::ledger::Earlier;
use crate::push::ownership::RUN_PROPERTY;
use crate::push::report::{Note, NoteId};

impl UploadJob<'_> {
    /// Looks for the record of the earlier run. Returns an image with data, for the comparison; remembers a
    /// record without data; deletes a record whose upload never ends.
    pub(super) async fn find_earlier(&mut self) -> Result<Option<Image>, PushFailure> {
        let Some(Earlier::Begun { id, .. }) = &self.target.earlier else { return Ok(None) };
        let started = Instant::now();
        loop {
            let Some(image) = self.fetch_matching(id).await? else {
                self.existing.requested_id = Some(id.clone());
                return Ok(None);
            };
            if !self.is_earlier(&image) {
                return Ok(None);
            }
            match image.status() {
                Status::Active => return Ok(Some(image)),
                Status::Queued => {
                    self.existing.leftover = Some(image);
                    return Ok(None);
                }
                status if started.elapsed() >= self.options.settle_timeout => {
                    if self.options.id.as_ref() == Some(id) {
                        return Err(PushFailure::Stuck { id: id.clone(), status });
                    }
                    self.delete_left(&image).await;
                    return Ok(None);
                }
                _ => {
                    self.enter(Phase::Waiting);
                    sleep(INTERVAL).await;
                }
            }
        }
    }

    /// Returns the image that an earlier run has verified, if it is unchanged.
    pub(super) async fn verified_earlier(&self) -> Result<Option<Image>, PushFailure> {
        let Some(Earlier::Verified { id, os_hash_algo, os_hash_value }) = &self.target.earlier
        else {
            return Ok(None);
        };
        let is_as_before = |image: &Image| {
            image.status() == Status::Active
                && image.hash_algo() == Some(os_hash_algo)
                && image.hash_value() == Some(os_hash_value)
        };
        Ok(self.fetch_matching(id).await?.filter(is_as_before))
    }

    /// Fetches the record with this id, if this run could have created it.
    async fn fetch_matching(&self, id: &str) -> Result<Option<Image>, PushFailure> {
        let fetched = self.fetch_other(id).await?.map(|(image, _)| image);
        Ok(fetched.filter(|image| self.matches_push(image)))
    }

    /// Whether the earlier run of the journal has created this record: the record has the token of that run,
    /// or a random id.
    pub(super) fn is_earlier(&self, image: &Image) -> bool {
        let Some(Earlier::Begun { id, token }) = &self.target.earlier else { return false };
        let is_random = || {
            let version = id.parse::<uuid::Uuid>().ok().map(|id| id.get_version_num());
            version == Some(4) && self.options.id.as_ref() != Some(id)
        };
        image.id() == id
            && match token {
                Some(token) => image.property(RUN_PROPERTY) == Some(token),
                None => is_random(),
            }
    }

    /// Deletes the record without data that an earlier run has left, unless this run will use its id.
    pub(super) async fn remove_leftover(&mut self) {
        let Some(image) = self.existing.leftover.take() else { return };
        let derivation = self.existing.derivation.as_ref();
        let is_reached = self.options.id.as_deref() == Some(image.id())
            || derivation.is_some_and(|derivation| derivation.has(image.id()));
        if !is_reached {
            self.delete_left(&image).await;
        }
    }

    /// Deletes an image that an earlier run has uploaded and that differs from the source.
    pub(super) async fn delete_wrong(&mut self, image: &Image, failure: &IntegrityError) {
        tracing::warn!(image = image.id(), %failure, "an earlier run has left a wrong image");
        self.delete_left(image).await;
    }

    /// Deletes a record that an earlier run has left. A note reports a failure.
    async fn delete_left(&mut self, image: &Image) {
        let (id, status) = (image.id(), image.status());
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let delete = || client.delete_if_exists(id);
        let text =
            match retry.call("the deletion of an image", ClientError::is_transient, delete).await {
                Ok(_) => {
                    self.report_gone(id);
                    format!("image {id}, left {status} by an earlier run, was deleted")
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
