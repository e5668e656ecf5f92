//! Existing images: whether one is identical to the new image, and what follows if none is.
//!
//! The job calls it before the inspection of the source, and with the digests of a pass for the comparison.

use std::cmp::Reverse;

use futures_util::TryStreamExt as _;
use imgpush_client::{Error as ClientError, Image, ImageQuery, Project, Status};
use imgpush_digest::Algorithm;
use imgpush_source::Published;

use super::conversion::viewed_by;
use super::derived_id::{self, Derivation};
use super::state::{JobStage, JobStep, PendingComparison, UploadJob};
use crate::integrity::IntegrityError;
use crate::integrity::Produced;
use crate::integrity::VerifiedBy;
use crate::integrity::compare::{self, Verdict};
use crate::progress::Phase;
use crate::push::error::PushFailure;
use crate::push::if_exists::IfExists;
use crate::push::ownership::RUN_PROPERTY;
use crate::push::preflight;
use crate::push::report::{Note, NoteId, PushAction};
use crate::push::target::Via;
use crate::transfer::TransferError;

impl UploadJob<'_> {
    /// Looks for existing images, before the source is inspected.
    pub(crate) async fn find_existing(&mut self) {
        let span = self.span();
        let search = async {
            if let Err(failure) = self.find_existing_images().await {
                self.fail(failure).await;
            }
        };
        tracing::Instrument::instrument(search, span).await;
    }

    async fn find_existing_images(&mut self) -> Result<(), PushFailure> {
        let needs_list = self.options.if_exists != IfExists::Add;
        if !needs_list && !self.is_to_derive() && self.target.earlier.is_none() {
            return Ok(());
        }
        // A second image of this name would be compared with the first one, or replace it.
        let mode = self.options.if_exists;
        if !matches!(mode, IfExists::Add | IfExists::Rename)
            && !self.service.reserve_name(&self.wanted_name)
        {
            return Err(PushFailure::SameName { name: self.wanted_name.clone() });
        }
        self.enter(Phase::Preflight);
        self.existing.project = match self.target.client.project().await {
            Ok(Project::Id(id)) => Some(id),
            Ok(Project::None) => None,
            Ok(_) => return Err(PushFailure::NoProject),
            Err(error) => return Err(preflight::failed(error)),
        };
        if let Some(image) = self.verified_earlier().await? {
            return self.keep(image, vec![VerifiedBy::Journal], None, PushAction::Skipped).await;
        }
        if needs_list {
            self.list(0).await?;
        }
        let earlier = self.find_earlier().await?;
        if self.options.if_exists == IfExists::Fail
            && let Some(image) = self.existing.named.first()
        {
            let state = format!("is {}", image.status());
            return Err(self.exists(image, state));
        }
        if let Some((image, by)) = self.find_identical_by_digest() {
            return self.keep(image, vec![by], None, PushAction::Skipped).await;
        }
        let mut candidates: Vec<Image> = self.candidates().cloned().collect();
        let is_new = |image: &Image| candidates.iter().all(|known| known.id() != image.id());
        let converted = self.converted_candidates(earlier.as_ref());
        if let Some(image) = earlier.filter(|image| self.may_be_same(image)).filter(is_new) {
            candidates.insert(0, image);
        }
        if candidates.is_empty() && converted.is_empty() {
            return self.continue_without_candidates().await;
        }
        if !self.source_facts.can_be_read_again {
            return match self.options.if_exists {
                IfExists::Skip | IfExists::Rename => Err(PushFailure::NotComparable {
                    name: self.name().to_owned(),
                    id: candidates[0].id().to_owned(),
                    source_name: self.source_facts.name.clone(),
                }),
                _ => self.continue_without_candidates().await,
            };
        }
        let comparison = PendingComparison { converted, ..PendingComparison::at(candidates) };
        self.stage = JobStage::Uninspected(Some(comparison));
        Ok(())
    }

    /// Continues without an existing image to compare the source with.
    async fn continue_without_candidates(&mut self) -> Result<(), PushFailure> {
        self.stage = JobStage::Uninspected(self.plan_new_image(None).await?);
        Ok(())
    }

    /// Whether the image can be identical, according to its record. An image that its run has not published
    /// yet is excluded; this run waits for it when it gets to its id.
    fn may_be_same(&self, image: &Image) -> bool {
        let size = self.source_facts.size;
        let is_there = is_published(image) || self.is_earlier(image);
        is_there && (size.is_none() || image.size() == size)
    }

    /// The images that can be the source as a service with conversion has stored it, according to their
    /// records. The inspection of the source decides which of them are compared.
    fn converted_candidates(&self, earlier: Option<&Image>) -> Vec<Image> {
        if !self.may_be_converted() || !self.source_facts.can_be_read_again {
            return Vec::new();
        }
        let is_compared = !matches!(self.options.if_exists, IfExists::Add | IfExists::Fail);
        let is_earlier = |image: &&Image| earlier.is_some_and(|it| it.id() == image.id());
        let named = self.existing.named.iter().filter(|image| !is_earlier(image));
        let named = named.filter(|image| is_compared && is_published(image));
        let is_raw =
            |image: &&Image| image.disk_format() == Some("raw") && !self.may_be_same(image);
        earlier.into_iter().chain(named).filter(is_raw).cloned().collect()
    }

    fn candidates(&self) -> impl Iterator<Item = &Image> {
        self.existing.named.iter().filter(|image| self.may_be_same(image))
    }

    /// Whether the id of a new image is derived from its content.
    pub(super) fn is_to_derive(&self) -> bool {
        let options = self.options;
        options.id.is_none() && (options.derive_id || options.if_exists.derives_id())
    }

    /// Returns the name of the new image.
    pub(super) fn name(&self) -> &str {
        self.image.name().unwrap_or_default()
    }

    /// Whether the image belongs to the project and has the `os_hidden` of the new image.
    pub(super) fn is_ours(&self, image: &Image) -> bool {
        let is_hidden = self.options.hidden.unwrap_or_default();
        image.owner() == self.existing.project.as_deref() && image.is_hidden() == is_hidden
    }

    /// Lists the images that have one of the possible names, from number `from` on. Only `Rename` has more
    /// than one.
    async fn list(&mut self, from: usize) -> Result<(), PushFailure> {
        let names = self.names(from);
        let mut query = ImageQuery::default();
        query = match &names[..] {
            [name] => query.with("name", name),
            names => query.any_of("name", names),
        };
        if let Some(project) = &self.existing.project {
            query = query.with("owner", project);
        }
        if self.options.hidden == Some(true) {
            query = query.hidden();
        }
        let client = &self.target.client;
        let asking = || client.images(&query).try_collect::<Vec<Image>>();
        let retry = &self.options.retry;
        let listed = retry.call("the list of images", ClientError::is_overload, asking).await;
        let mut named = listed.map_err(preflight::failed)?;
        // Databases compare names less strictly.
        let is_named = |image: &Image| names.iter().any(|name| image.name() == Some(name));
        named.retain(|image| is_named(image) && self.is_ours(image));
        self.existing.named.extend(named);
        self.existing.named.sort_by_key(|image| Reverse(image.created_at().map(str::to_owned)));
        Ok(())
    }

    /// Returns the names for one request: the name itself, and for `Rename` as many of the next ones as fit
    /// into a URL.
    fn names(&self, from: usize) -> Vec<String> {
        let count = match self.options.if_exists {
            // A name with a quote cannot be part of a list.
            IfExists::Rename if !self.wanted_name.contains('"') => {
                (NAMES_BYTES / (3 * self.wanted_name.len().max(1))).clamp(1, MOST_NAMES)
            }
            _ => 1,
        };
        (from..from + count).map(|number| self.numbered(number)).collect()
    }

    /// Returns `NAME`, `NAME-2`, `NAME-3`, …
    fn numbered(&self, number: usize) -> String {
        match number {
            0 => self.wanted_name.clone(),
            number => format!("{}-{}", self.wanted_name, number + 1),
        }
    }

    /// Returns an image that is identical without reading the source: its `os_hash_value` is a published
    /// digest of the source.
    fn find_identical_by_digest(&self) -> Option<(Image, VerifiedBy)> {
        if matches!(self.options.if_exists, IfExists::Add | IfExists::Fail) {
            return None;
        }
        let is_same = |image: &&Image| self.is_as_published(image) == Some(true);
        Some((self.candidates().find(is_same)?.clone(), VerifiedBy::OsHashValue))
    }

    fn derivation(&self, digest: &str, name: &str) -> Derivation {
        Derivation::new(self.existing.project.as_deref(), digest, name)
    }

    /// Compares the candidates with the digests of a pass. Continues with the upload if none is identical.
    pub(super) async fn compare_candidates(
        &mut self,
        comparison: PendingComparison,
        produced: &Produced,
    ) -> Result<(), PushFailure> {
        self.enter(Phase::Verifying);
        let PendingComparison { candidates, view, converted, mut difference, is_theirs, .. } =
            comparison;
        let mut open = Vec::new();
        let mut missing = None;
        for image in candidates {
            match compare::compare(&image, produced) {
                Ok(Verdict::Verified(by)) => {
                    let by = match view {
                        Some(view) => viewed_by(view, by),
                        None => by,
                    };
                    let is_earlier = self.is_earlier(&image);
                    if is_theirs {
                        self.ownership.compared(true);
                    }
                    let action = if is_theirs || is_earlier {
                        PushAction::TakenOver
                    } else {
                        PushAction::Skipped
                    };
                    return self.keep(image, by, Some(produced), action).await;
                }
                Ok(Verdict::Needs(algorithm)) => {
                    missing = missing.or(Some(algorithm));
                    open.push(image);
                }
                Err(_) if is_theirs => self.ownership.compared(false),
                Err(failure) if self.is_earlier(&image) => {
                    self.delete_wrong(&image, &failure).await;
                    self.existing.named.retain(|named| named.id() != image.id());
                }
                Err(failure) => {
                    difference
                        .get_or_insert((image.id().to_owned(), describe_difference(&failure)));
                }
            }
        }
        if view.is_none() {
            self.existing.produced = Some(produced.clone());
        }
        let mut next = PendingComparison {
            candidates: open,
            view,
            converted,
            algorithm: missing,
            difference,
            is_theirs,
        };
        if missing.is_some() || next.look_at_converted() {
            self.request_comparison(next);
            return Ok(());
        }
        // Only digests of the source itself save a pass.
        let produced = if view.is_none() { Some(produced) } else { None };
        self.continue_upload(is_theirs, next.difference, produced).await
    }

    /// Takes the comparison with a view that the last pass was for.
    pub(super) fn take_view_comparison(&mut self) -> Option<PendingComparison> {
        let comparison = match &mut self.stage {
            JobStage::Unprepared(job) => &mut job.comparison,
            JobStage::Prepared(job) => match &mut job.step {
                JobStep::PendingComparison(comparison) => comparison,
                _ => return None,
            },
            _ => return None,
        };
        comparison.view.is_some().then(|| std::mem::take(comparison))
    }

    /// Continues although the view of the source cannot be read: the candidates count as other images.
    pub(super) async fn continue_without_view(
        &mut self,
        comparison: PendingComparison,
        error: &TransferError,
    ) -> Result<(), PushFailure> {
        tracing::warn!(%error, "the source cannot be compared with a converted image");
        let PendingComparison { candidates, mut difference, is_theirs, .. } = comparison;
        if is_theirs {
            self.ownership.compared(false);
        }
        if let Some(image) = candidates.first() {
            let text = || format!("cannot be compared with the disk in the source: {error}");
            difference.get_or_insert_with(|| (image.id().to_owned(), text()));
        }
        self.continue_upload(is_theirs, difference, None).await
    }

    /// Continues with the upload after no image was identical. `produced` are the digests of the source, if the
    /// last pass computed them.
    async fn continue_upload(
        &mut self,
        is_theirs: bool,
        difference: Option<(String, String)>,
        produced: Option<&Produced>,
    ) -> Result<(), PushFailure> {
        let fetched = produced.filter(|_| matches!(self.target.via, Via::WebDownload { .. }));
        if is_theirs {
            self.set_step(JobStep::first(&self.target.via));
            return match fetched {
                Some(produced) => Box::pin(self.fetched(produced)).await,
                None => Ok(()),
            };
        }
        if let Some(comparison) = self.plan_new_image(difference).await? {
            self.request_comparison(comparison);
            return Ok(());
        }
        let first = JobStep::first(&self.target.via);
        match &self.stage {
            JobStage::Unprepared(job) => {
                let seen = job.seen.clone();
                self.prepare(&seen, first).await?;
            }
            _ => self.set_step(first),
        }
        match fetched {
            Some(produced) => self.fetched(produced).await,
            None => Ok(()),
        }
    }

    /// Requests a pass that hashes the source, to compare it with these images.
    fn request_comparison(&mut self, comparison: PendingComparison) {
        match &mut self.stage {
            JobStage::Unprepared(job) => job.comparison = comparison,
            _ => self.set_step(JobStep::PendingComparison(comparison)),
        }
    }

    /// Continues after the comparison without an identical image. Existing images may forbid a new one, or
    /// decide its name. Returns a comparison without candidates if the source has to be hashed to derive the
    /// id.
    pub(super) async fn plan_new_image(
        &mut self,
        difference: Option<(String, String)>,
    ) -> Result<Option<PendingComparison>, PushFailure> {
        if self.options.if_exists == IfExists::Skip
            && let Some(other) = self.existing.named.iter().find(|image| is_published(image))
        {
            let sizes = || {
                let count = |bytes: Option<u64>| bytes.map_or("no".to_owned(), |n| n.to_string());
                let (theirs, ours) = (count(other.size()), count(self.source_facts.size));
                format!("has {theirs} bytes, but the source has {ours}")
            };
            let found = difference.as_ref().and_then(|(id, text)| {
                let image = self.existing.named.iter().find(|image| image.id() == id)?;
                Some((image, text.clone()))
            });
            let (image, state) = found.unwrap_or_else(|| (other, sizes()));
            return Err(self.exists(image, state));
        }
        let digest =
            match (Published::strongest(&self.source_facts.published), &self.existing.produced) {
                _ if !self.is_to_derive() => None,
                (Some(published), _) => Some(derived_id::of_published(&published)),
                (None, Some(produced)) => {
                    produced.digests.get(Algorithm::Sha512).map(derived_id::of_content)
                }
                (None, None) if self.source_facts.can_be_read_again => {
                    return Ok(Some(PendingComparison::default()));
                }
                (None, None) => None,
            };
        if self.options.if_exists == IfExists::Rename {
            let name = self.free_name(digest.as_deref()).await?;
            self.image.set_name(name);
        }
        self.existing.derivation = digest.map(|digest| self.derivation(&digest, self.name()));
        Ok(None)
    }

    /// Whether the new image may get this name.
    pub(super) fn may_be_called(&self, name: &str) -> bool {
        let is_number = |rest: &str| {
            let number = rest.strip_prefix('-').and_then(|digits| digits.parse::<usize>().ok());
            self.options.if_exists == IfExists::Rename
                && number.is_some_and(|number| number > 1 && self.numbered(number - 1) == name)
        };
        name.strip_prefix(&self.wanted_name).is_some_and(|rest| rest.is_empty() || is_number(rest))
    }

    /// Returns the first name that is free: no image has it, except an unfinished one of a run that pushes
    /// the same content, and no other push of this process has reserved it.
    async fn free_name(&mut self, digest: Option<&str>) -> Result<String, PushFailure> {
        let mut number = 0;
        loop {
            let names = self.names(number);
            for name in &names {
                let derivation = digest.map(|digest| self.derivation(digest, name));
                let blocks_name = |image: &&Image| {
                    let is_unfinished =
                        image.status() != Status::Deactivated && !is_published(image);
                    let is_same = derivation.as_ref().is_some_and(|d| d.has(image.id()));
                    image.name() == Some(name) && !(is_unfinished && is_same)
                };
                let is_free = !self.existing.named.iter().any(|image| blocks_name(&image));
                if is_free && self.service.reserve_name(name) {
                    return Ok(name.clone());
                }
            }
            number += names.len();
            self.list(number).await?;
        }
    }

    /// Ends the job with an existing image.
    pub(super) async fn keep(
        &mut self,
        image: Image,
        by: Vec<VerifiedBy>,
        produced: Option<&Produced>,
        action: PushAction,
    ) -> Result<(), PushFailure> {
        image.id().clone_into(&mut self.id);
        self.target.progress.record(&self.id);
        self.is_verified = true;
        self.existing.action = Some(action);
        if by.contains(&VerifiedBy::RawView) {
            let text = "the image has the raw bytes of the disk in the source".to_owned();
            self.notes.push(Note { id: NoteId::Converted, text });
        }
        if produced.is_none() {
            let text = match &by[..] {
                [VerifiedBy::Journal] => {
                    "the source was not read: it is unchanged since this image was verified"
                }
                _ => "the source was not read: its published checksum is that of this image",
            };
            self.notes.push(Note { id: NoteId::NotRead, text: text.to_owned() });
        }
        self.remove_leftover().await;
        self.retire(image.id()).await?;
        let report = self.report(&image, by, produced);
        self.finish(Ok(report));
        Ok(())
    }

    fn exists(&self, image: &Image, state: String) -> PushFailure {
        let name = image.name().unwrap_or_default().to_owned();
        PushFailure::Exists { name, id: image.id().to_owned(), state }
    }
}

/// Whether the image is active, and the run that has created it has finished with it.
pub(super) fn is_published(image: &Image) -> bool {
    image.status() == Status::Active && image.property(RUN_PROPERTY).is_none()
}

/// Describes how an image differs from the source.
fn describe_difference(failure: &IntegrityError) -> String {
    match failure {
        IntegrityError::Mismatch { field, expected, found } => {
            format!("has {field} {found}, but the source has {expected}")
        }
        other => format!("cannot be compared: {other}"),
    }
}

/// Limits of one request: number of names, and bytes of the escaped names in the URL.
const MOST_NAMES: usize = 16;
const NAMES_BYTES: usize = 4000;
