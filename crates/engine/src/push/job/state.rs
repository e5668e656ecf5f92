//! The state of an upload job: the source, existing images, its own record.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use imgpush_client::{Error as ClientError, Image, NewImage, Status};
use imgpush_digest::Algorithm;
use imgpush_formats::Inspection;
use imgpush_source::{Published, Source};

use super::derived_id::Derivation;
use crate::convert::StoredView;
use crate::integrity::Produced;
use crate::push::error::{PushError, PushFailure};
use crate::push::format_check::{Claim, Examined, GateVerdict};
use crate::push::if_exists::Replaced;
use crate::push::options::PushOptions;
use crate::push::ownership::Ownership;
use crate::push::quota::Share;
use crate::push::recovery::Retries;
use crate::push::report::{Note, PushAction, Report};
use crate::push::service::Service;
use crate::push::target::{Target, Via};
use crate::timing::Stopwatch;
use crate::transfer::passes::Want;
use crate::transfer::tap::Tapped;

/// Facts about the source that are known before it is read.
pub(crate) struct SourceFacts {
    pub(crate) name: String,
    /// The name of the file with the bytes of the image, without the extension of a compression format that
    /// is decompressed.
    pub(crate) file_name: Option<String>,
    pub(crate) size: Option<u64>,
    /// Whether the source can be read again.
    pub(crate) can_be_read_again: bool,
    /// The published digests that the source must match.
    pub(crate) published: Vec<Published>,
    /// Records the times of the passes.
    pub(crate) watch: Arc<Stopwatch>,
    /// Whether this is the only target of the push.
    pub(crate) is_alone: bool,
}

impl SourceFacts {
    pub(crate) fn of(source: &mut dyn Source, watch: Arc<Stopwatch>, is_alone: bool) -> Self {
        SourceFacts {
            name: source.name().to_owned(),
            file_name: source.content_name(),
            size: source.size(),
            can_be_read_again: source.rewind().is_some(),
            published: source.published().to_vec(),
            watch,
            is_alone,
        }
    }
}

/// The result of the inspection before the source is read completely.
#[derive(Clone)]
pub(crate) struct Seen {
    /// The inspection so far.
    pub(crate) inspection: Arc<Inspection>,
    /// Whether the inspection covers the complete source.
    pub(crate) is_complete: bool,
}

/// The upload of one image to one target. The fields here are valid during the entire job. The data of a
/// single stage is in its [`JobStage`].
///
/// Each of its futures may be dropped: the job still knows whether a record may exist, and
/// [`interrupt`](UploadJob::interrupt) deletes it.
pub(crate) struct UploadJob<'a> {
    pub(super) target: &'a Target,
    pub(super) options: &'a PushOptions,
    pub(super) source_facts: &'a SourceFacts,
    pub(super) service: Arc<Service>,
    /// The new record; its id changes if the record is replaced.
    pub(super) image: NewImage,
    /// The requested name.
    pub(super) wanted_name: String,
    pub(super) existing: Existing,
    pub(super) id: String,
    /// The number of the id, if it is known.
    pub(super) id_number: Option<u32>,
    pub(super) record: Record,
    /// Decides which records this job may upload to, accept and delete.
    pub(super) ownership: Ownership,
    /// The value of `imgpush_run` in the records of this job, until its image is verified.
    pub(super) token: String,
    /// Whether Glance may have all data of the record of this job.
    pub(super) may_be_complete: AtomicBool,
    pub(super) stage: JobStage,
    /// Whether the image is verified. It stays so if a later step fails.
    pub(super) is_verified: bool,
    pub(super) retries: Retries,
    pub(super) not_before: Option<tokio::time::Instant>,
    pub(super) attempts: u32,
    pub(super) notes: Vec<Note>,
    /// The raw view of a source that can be read only once, computed during the last upload.
    pub(super) raw_view: Option<Tapped>,
    /// Records the times of this target.
    pub(super) watch: Arc<Stopwatch>,
}

/// The stage of a job.
pub(super) enum JobStage {
    /// The source is not inspected yet. It is compared with these images before the upload.
    Uninspected(Option<PendingComparison>),
    Unprepared(Unprepared),
    Prepared(Box<Prepared>),
    /// The upload failed. The record is not deleted yet.
    Failing {
        failure: PushFailure,
        share: Option<Share>,
    },
    Ended(Box<Result<Report, PushError>>),
}

/// A job before its preparation. If an existing image is identical, no image is created, and the service is
/// not queried.
pub(super) struct Unprepared {
    pub(super) seen: Seen,
    pub(super) comparison: PendingComparison,
}

/// A job after its preparation: the attributes of the record are known, and the service accepts them.
pub(super) struct Prepared {
    pub(super) claim: Claim,
    /// The predicted verdict of the service, and the inspection so far.
    pub(super) examined: Examined,
    /// The reserved quota.
    pub(super) share: Option<Share>,
    pub(super) step: JobStep,
    /// The verdict of the gate in the last pass.
    pub(super) verdict: GateVerdict,
}

/// The next step of a prepared job.
pub(super) enum JobStep {
    /// Hash the source, to compare it with these images or to derive the id.
    PendingComparison(PendingComparison),
    /// Upload the data; after a first attempt, because of this failure.
    Sending(Option<PushFailure>),
    /// Verify the source, then let the service download it.
    Fetching,
    /// The service has the data. Hash the source to compare it with the image; if digests are known, one more
    /// algorithm is needed.
    Comparing(Option<(Algorithm, Produced)>),
    /// The service has changed the image. Hash what it has made of the source, with this additional algorithm.
    ComparingView(StoredView, Option<Algorithm>),
}

impl JobStep {
    /// Returns the first step of an upload.
    pub(super) fn first(via: &Via) -> Self {
        match via {
            Via::WebDownload { .. } => JobStep::Fetching,
            _ => JobStep::Sending(None),
        }
    }
}

impl UploadJob<'_> {
    /// Sets the next step of a prepared job. A job in another stage has no step.
    pub(super) fn set_step(&mut self, step: JobStep) {
        if let JobStage::Prepared(prepared) = &mut self.stage {
            prepared.step = step;
        }
    }

    /// Returns the step of a prepared job.
    pub(super) fn step(&self) -> Option<&JobStep> {
        match &self.stage {
            JobStage::Prepared(prepared) => Some(&prepared.step),
            _ => None,
        }
    }

    /// Returns the inspection so far.
    pub(super) fn inspection(&self) -> Option<&Inspection> {
        match &self.stage {
            JobStage::Unprepared(job) => Some(&job.seen.inspection),
            JobStage::Prepared(job) => Some(&job.examined.inspection),
            _ => None,
        }
    }

    /// Takes the reserved quota. Dropping it releases the quota.
    pub(super) fn take_share(&mut self) -> Option<Share> {
        match &mut self.stage {
            JobStage::Prepared(job) => job.share.take(),
            JobStage::Failing { share, .. } => share.take(),
            _ => None,
        }
    }

    /// Ends the job.
    pub(super) fn finish(&mut self, result: Result<Report, PushError>) {
        let end = result.as_ref().map(drop).map_err(PushError::kind);
        // Set before the receiver of the event is called, which may panic.
        self.stage = JobStage::Ended(Box::new(result));
        self.target.progress.ended(end);
    }
}

/// Whether a record of this job exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    None,
    /// The creation was requested and not answered.
    Asked,
    Made,
}

/// The active image of another run.
pub(super) struct Theirs(pub(super) Image);

/// A record of another run that this job waits for.
pub(super) struct Waiting {
    pub(super) number: u32,
    /// Its status, and the time of its last change according to the service.
    pub(super) state: (Status, Option<String>),
    /// Since when it has this state.
    pub(super) since: Instant,
    /// Since when the job waits.
    pub(super) started: Instant,
}

/// Existing images, and the derivation of the new id.
#[derive(Default)]
pub(super) struct Existing {
    /// The project, if the login has one and it is needed.
    pub(super) project: Option<String>,
    /// The existing images with a possible name of the new one, newest first.
    pub(super) named: Vec<Image>,
    /// A record without data that an earlier run has left.
    pub(super) leftover: Option<Image>,
    /// The id that an earlier run has requested, if no record has it.
    pub(super) requested_id: Option<String>,
    /// The input of the derived id, once it is known.
    pub(super) derivation: Option<Derivation>,
    /// Why the last id was rejected.
    pub(super) refusal: Option<ClientError>,
    /// Whether a server answered the failed creation of the record.
    pub(super) is_creation_answered: bool,
    /// The active image of another run, to be compared.
    pub(super) theirs: Option<Theirs>,
    /// The record of another run that this job waits for.
    pub(super) waiting: Option<Waiting>,
    /// The digests of the source that were computed for the comparison.
    pub(super) produced: Option<Produced>,
    /// The action to report for an image that was identical.
    pub(super) action: Option<PushAction>,
    /// The images that were replaced.
    pub(super) replaced: Vec<Replaced>,
}

/// Images that may be identical; the next pass over the source decides.
#[derive(Default)]
pub(super) struct PendingComparison {
    pub(super) candidates: Vec<Image>,
    /// The view of the source that the candidates may be; `None` for the source itself.
    pub(super) view: Option<StoredView>,
    /// Images that may be the source converted to raw. They are compared after the candidates.
    pub(super) converted: Vec<Image>,
    /// The algorithm of one of them, if its digest is not computed yet.
    pub(super) algorithm: Option<Algorithm>,
    /// The id of an image that differs, and how it does.
    pub(super) difference: Option<(String, String)>,
    /// Whether the image was created by another run of the same push.
    pub(super) is_theirs: bool,
}

impl PendingComparison {
    pub(super) fn at(candidates: Vec<Image>) -> Self {
        PendingComparison { candidates, ..PendingComparison::default() }
    }

    /// Whether there is no image to compare with, and the digest is only needed for the id.
    pub(super) fn is_for_id_only(&self) -> bool {
        self.candidates.is_empty() && self.converted.is_empty()
    }

    /// Decides which images are compared with a view of a source with this inspection: those that can be it,
    /// also among the candidates if the size of the source is unknown. Without other candidates, the next pass
    /// is that over the view.
    pub(super) fn inspected(&mut self, inspection: &Inspection, source_size: Option<u64>) {
        let is_view =
            |image: &Image| StoredView::of_converted(image, inspection, source_size).is_some();
        self.converted.retain(is_view);
        if source_size.is_none() {
            self.converted.extend(self.candidates.extract_if(.., |image| is_view(image)));
        }
        if self.candidates.is_empty() {
            self.look_at_converted();
        }
    }

    /// Makes the converted images the candidates; returns whether there are any.
    pub(super) fn look_at_converted(&mut self) -> bool {
        if self.converted.is_empty() {
            return false;
        }
        self.candidates = std::mem::take(&mut self.converted);
        self.view = Some(StoredView::RAW);
        self.algorithm = None;
        true
    }

    /// What the comparison needs.
    pub(super) fn want(&self) -> Want {
        match self.view {
            Some(view) => Want::View(view, self.algorithm),
            None => Want::Digests(self.algorithm),
        }
    }
}
