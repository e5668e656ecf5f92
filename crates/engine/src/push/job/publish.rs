//! The steps after the verification: the image is published, or withdrawn if another run was first.
//!
//! The job calls it with each verified image. At most one of several equal images of concurrent runs remains,
//! unless a run is suspended or a request fails.

use std::time::{Duration, Instant, SystemTime};

use imgpush_client::{Error as ClientError, Image};

use super::state::{Theirs, UploadJob};
use crate::integrity::compare::{self, Verdict};
use crate::integrity::{Produced, VerifiedBy};
use crate::push::error::PushFailure;
use crate::push::ownership::{Ask, End, LATEST_WITHDRAWAL, RUN_PROPERTY, Sight};
use crate::push::report::{Note, NoteId, PushAction};

/// When the image became active. While a machine is suspended, only one of its clocks advances, so both are
/// read.
pub(super) struct Activation {
    /// The age of the image by the clock of the service at that time, if it is known.
    age: Option<Duration>,
    monotonic: Instant,
    wall: SystemTime,
}

impl Activation {
    /// Records that the image has this age now.
    pub(super) fn before(age: Option<Duration>) -> Self {
        Activation { age, monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether other runs may have accepted the image although it is not published.
    fn is_long_ago(&self) -> bool {
        let wall = self.wall.elapsed().unwrap_or_default();
        let since = self.monotonic.elapsed().max(wall);
        self.age.is_none_or(|age| age.saturating_add(since) > LATEST_WITHDRAWAL)
    }
}

impl UploadJob<'_> {
    /// Publishes the verified image of this run, and returns the updated image. If an equal image is already
    /// published, the job ends with that one, and `None` is returned.
    pub(super) async fn publish(
        &mut self,
        image: Image,
        produced: &Produced,
        activation: &Activation,
    ) -> Result<Option<Image>, PushFailure> {
        let own = image.id().to_owned();
        let mut image = Some(image);
        let mut other: Option<(Image, Vec<VerifiedBy>)> = None;
        self.ownership.verified();
        loop {
            if activation.is_long_ago() {
                self.ownership.is_too_late();
            }
            match self.ownership.next() {
                // Other runs cannot have a random id.
                Ask::Look(number) if !self.is_shared(number) || self.options.id.is_some() => {
                    self.ownership.seen(Sight::Gone);
                }
                Ask::Look(number) => {
                    // If this request fails, the worst result is a second image.
                    if self.fetch_number(number).await.is_err() {
                        self.ownership.seen(Sight::Gone);
                    }
                }
                Ask::Compare(_) => {
                    other =
                        self.existing.theirs.take().and_then(
                            |Theirs(image)| match compare::compare(&image, produced) {
                                Ok(Verdict::Verified(by)) => Some((image, by)),
                                _ => None,
                            },
                        );
                    self.ownership.compared(other.is_some());
                }
                Ask::Delete => {
                    let is_deleted = self.target.client.delete_if_exists(&own).await.is_ok();
                    if is_deleted {
                        self.report_gone(&own);
                    }
                    self.ownership.deleted(is_deleted);
                }
                Ask::Publish => {
                    if let Some(verified) = image.take() {
                        image = Some(self.commit_verified(verified).await?);
                    }
                    self.ownership.published();
                }
                Ask::Nothing(End::Theirs(_)) => {
                    if let Some((theirs, by)) = other.take() {
                        let text = format!(
                            "image {own} was deleted, since another run has uploaded an equal image"
                        );
                        self.notes.push(Note { id: NoteId::Withdrawn, text });
                        self.keep(theirs, by, Some(produced), PushAction::TakenOver).await?;
                    }
                    return Ok(None);
                }
                _ => return Ok(image),
            }
        }
    }

    /// Removes the property of the run. Protects the image, if that is requested: before the verification a
    /// protected image could not be deleted.
    async fn commit_verified(&mut self, image: Image) -> Result<Image, PushFailure> {
        let mut wanted = image.clone();
        let _ = wanted.unset(RUN_PROPERTY);
        let is_protected = self.options.protected == Some(true);
        if is_protected {
            wanted.set_protected(true);
        }
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let commit = || client.commit(&wanted);
        match retry.call("the update of the image", ClientError::is_transient, commit).await {
            Ok(image) => Ok(image),
            Err(source) if is_protected => Err(PushFailure::NotProtected { source }),
            Err(error) => {
                let text = format!("cannot remove the property {RUN_PROPERTY}: {error}");
                self.notes.push(Note { id: NoteId::NotPublished, text });
                Ok(image)
            }
        }
    }
}
