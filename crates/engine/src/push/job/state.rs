//! What an upload job knows: of the source, of the images that are there, of its own record.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use imgpush_client::{Error as ClientError, Image, NewImage, Status};
use imgpush_digest::Algorithm;
use imgpush_formats::Inspection;
use imgpush_source::{Compression, Published, Source};

use super::derived_id::Derivation;
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

/// What is known of the source before it is read.
pub(crate) struct SourceFacts {
    pub(crate) name: String,
    pub(crate) size: Option<u64>,
    /// Whether it can be read twice.
    pub(crate) has_way_back: bool,
    /// What it is held to.
    pub(crate) published: Vec<Published>,
    /// What the times of the readings are written down with.
    pub(crate) watch: Arc<Stopwatch>,
    /// Whether it goes to one target only.
    pub(crate) is_alone: bool,
}

impl SourceFacts {
    pub(crate) fn of(source: &mut dyn Source, watch: Arc<Stopwatch>, is_alone: bool) -> Self {
        SourceFacts {
            name: source.name().to_owned(),
            size: source.size(),
            has_way_back: source.rewind().is_some(),
            published: source.published().to_vec(),
            watch,
            is_alone,
        }
    }
}

/// What was seen of the source before all of it is read.
#[derive(Clone)]
pub(crate) struct Seen {
    /// What it is, as far as that was seen.
    pub(crate) inspection: Arc<Inspection>,
    /// Whether that was all of it.
    pub(crate) is_whole: bool,
}

/// The upload of one image to one target. The fields are valid from start to end; what is valid in a part of
/// the job only is in its [`JobStage`].
///
/// Each of its futures may be dropped: the job still knows whether a record may exist, and
/// [`interrupt`](UploadJob::interrupt) removes it.
pub(crate) struct UploadJob<'a> {
    pub(super) target: &'a Target,
    pub(super) options: &'a PushOptions,
    pub(super) subject: &'a SourceFacts,
    pub(super) service: Arc<Service>,
    /// The record to be; its id changes with a new record.
    pub(super) image: NewImage,
    /// The name that was asked for.
    pub(super) wanted_name: String,
    pub(super) existing: Existing,
    pub(super) id: String,
    /// The number of the id, where that is known.
    pub(super) id_number: Option<u32>,
    pub(super) record: Record,
    /// Which records this job may upload to, accept and delete.
    pub(super) ownership: Ownership,
    /// Stands in the records of this job until its image is verified.
    pub(super) token: String,
    /// Whether Glance may have all data of the record of this job.
    pub(super) may_be_complete: AtomicBool,
    pub(super) stage: JobStage,
    /// Whether the image is verified, whatever follows.
    pub(super) is_proved: bool,
    pub(super) retries: Retries,
    pub(super) not_before: Option<tokio::time::Instant>,
    pub(super) attempts: u32,
    pub(super) notes: Vec<Note>,
    /// What its times are written down with.
    pub(super) watch: Arc<Stopwatch>,
}

/// Where a job is.
pub(super) enum JobStage {
    /// The source is not inspected yet. Images that may be identical are compared before the upload.
    Uninspected(Option<Looking>),
    Unprepared(Unprepared),
    Prepared(Box<Prepared>),
    /// The upload failed. The record is not removed yet.
    Failing {
        failure: PushFailure,
        share: Option<Share>,
    },
    Ended(Box<Result<Report, PushError>>),
}

/// A job before its preparation: if one of these images is identical, no image is created, and the service is
/// not asked whether it accepts one.
pub(super) struct Unprepared {
    pub(super) seen: Seen,
    pub(super) looking: Looking,
}

/// A job after its preparation: what the record will say, and whether the service accepts it.
pub(super) struct Prepared {
    pub(super) claim: Claim,
    /// The predicted verdict of the service, and what the inspection has found so far.
    pub(super) examined: Examined,
    /// The reserved part of the quotas.
    pub(super) share: Option<Share>,
    pub(super) step: JobStep,
    /// The verdict of the gate in the last pass.
    pub(super) verdict: GateVerdict,
}

/// What a prepared job does next.
pub(super) enum JobStep {
    /// Hash the source, to compare it with these images or to derive the id.
    Looking(Looking),
    /// Send the bytes; after the first attempt, because of this failure.
    Sending(Option<PushFailure>),
    /// Verify the source, then have the service fetch it.
    Fetching,
    /// The service has the bytes. Hash the source to compare it with the image; if digests are known, one more
    /// algorithm is needed.
    Comparing(Option<(Algorithm, Produced)>),
    /// The service has decompressed the image. Hash the decompressed source, with this algorithm too.
    ComparingDecompressed(Compression, Option<Algorithm>),
}

impl JobStep {
    /// The first step of an upload.
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

    /// The step of a prepared job.
    pub(super) fn step(&self) -> Option<&JobStep> {
        match &self.stage {
            JobStage::Prepared(prepared) => Some(&prepared.step),
            _ => None,
        }
    }

    /// The result of the inspection so far.
    pub(super) fn inspection(&self) -> Option<&Inspection> {
        match &self.stage {
            JobStage::Unprepared(job) => Some(&job.seen.inspection),
            JobStage::Prepared(job) => Some(&job.examined.inspection),
            _ => None,
        }
    }

    /// Takes the reserved part of the quotas. Dropping it releases it.
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
        // Before the receiver hears of it, which may panic.
        self.stage = JobStage::Ended(Box::new(result));
        self.target.progress.ended(end);
    }
}

/// Whether there is a record of this job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    None,
    /// Its creation is requested and not answered.
    Asked,
    Made,
}

/// The active image of another run.
pub(super) struct Theirs(pub(super) Image);

/// The record of another run that is waited for.
pub(super) struct Waiting {
    pub(super) number: u32,
    /// Its status, and when it changed according to the service.
    pub(super) state: (Status, Option<String>),
    /// Since when it has this state.
    pub(super) since: Instant,
    /// Since when it is waited for.
    pub(super) begun: Instant,
}

/// What is known of images that were there before, and of the id that the new one is to have.
#[derive(Default)]
pub(super) struct Existing {
    /// The project, where there is one and it is of interest.
    pub(super) project: Option<String>,
    /// The images that have the name, or may have it, newest first.
    pub(super) named: Vec<Image>,
    /// A record that an earlier run has left without data.
    pub(super) leftover: Option<Image>,
    /// The id that an earlier run has requested, if there is no record with it.
    pub(super) asked_for: Option<String>,
    /// What the id is derived from, once that is known.
    pub(super) derivation: Option<Derivation>,
    /// Why the last id was refused.
    pub(super) refusal: Option<ClientError>,
    /// Whether a server answered the creation of the record that failed.
    pub(super) is_creation_answered: bool,
    /// The active image of another run, to be compared.
    pub(super) theirs: Option<Theirs>,
    /// The record of another run that is waited for.
    pub(super) waiting: Option<Waiting>,
    /// What was read to be compared.
    pub(super) produced: Option<Produced>,
    /// What was done about an image that turned out to be the same.
    pub(super) action: Option<PushAction>,
    /// What the image has replaced.
    pub(super) replaced: Vec<Replaced>,
}

/// Images that may be the same, as the next reading tells.
#[derive(Default)]
pub(super) struct Looking {
    pub(super) candidates: Vec<Image>,
    /// What one of them is hashed by, where that was not computed yet.
    pub(super) algorithm: Option<Algorithm>,
    /// Why those that were compared are others.
    pub(super) difference: Option<(String, String)>,
    /// Whether it is one that another run has made as this one would.
    pub(super) is_theirs: bool,
}

impl Looking {
    pub(super) fn at(candidates: Vec<Image>) -> Self {
        Looking { candidates, ..Looking::default() }
    }

    /// Whether nothing is there to be compared with, and the digest alone is wanted.
    pub(super) fn is_for_id_only(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The digest to compute where another than the usual ones is missing.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }
}
