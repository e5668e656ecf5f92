//! A failed push on the page.

use std::path::Path;

use imgpush_engine::{PushError, RecordOutcome, Timing};

use crate::{hints, output};

/// A failed push, of this run or from the JSON of another.
#[derive(Clone, Debug)]
pub(crate) struct FailedEntry {
    pub(crate) source: String,
    pub(crate) cloud: String,
    /// The id of the image record, if it may still exist.
    pub(crate) id: Option<String>,
    /// The message and its causes.
    pub(crate) chain: Vec<String>,
    pub(crate) hints: Vec<String>,
    /// What happened to the image record, if there was one.
    pub(crate) outcome: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) timing: Timing,
}

impl FailedEntry {
    /// The failed push of a file.
    pub(crate) fn of(error: &PushError, file: &Path) -> Self {
        let id = match &error.outcome {
            RecordOutcome::Kept { id, .. } | RecordOutcome::Left { id, .. } => Some(id.clone()),
            _ => None,
        };
        FailedEntry {
            source: error.source_name.to_string(),
            cloud: error.cloud.to_string(),
            id,
            chain: output::chain(error),
            hints: hints::for_push(error, file),
            outcome: output::record_outcome(error),
            attempts: error.attempts,
            timing: (*error.timing).clone(),
        }
    }
}
