//! The summary of a batch.

use serde::{Deserialize, Serialize};

use super::event::{Outcome, TaskResult};
use crate::push::report::PushAction;

/// The summary of a batch. A push counts once for each target. Its JSON is the last line of `imgpush push
/// --json` for several images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BatchSummary {
    /// Pushes that created an image, which is verified.
    pub pushed: usize,
    /// Downloads that wrote a file, which is verified.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pulled: usize,
    /// Verifications that found no difference.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub verified: usize,
    /// Tasks without a transfer: an identical image exists (`--if-exists`, a journal, or another run that
    /// uploads it), or the file of a download exists and is identical.
    pub skipped: usize,
    /// Failed or interrupted tasks.
    pub failed: usize,
    /// Tasks that were not started, because the batch ended early. A task counts once for each of its
    /// targets.
    pub not_started: usize,
    /// Bytes of the pushed images, as the services report them, and of the downloaded data.
    pub bytes: u64,
    /// Seconds from the start to the end.
    pub seconds: f64,
}

impl BatchSummary {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        for result in &outcome.results {
            let (counter, bytes) = match result {
                TaskResult::Push(Ok(report)) if report.action != PushAction::Pushed => {
                    (&mut self.skipped, 0)
                }
                TaskResult::Push(Ok(report)) => (&mut self.pushed, report.size.unwrap_or(0)),
                TaskResult::Pull(Ok(report)) if report.unchanged => (&mut self.skipped, 0),
                TaskResult::Pull(Ok(report)) => {
                    (&mut self.pulled, report.size.saturating_sub(report.resumed_from))
                }
                TaskResult::Verify(Ok(report)) => {
                    let is_downloaded = report.source.is_none();
                    (&mut self.verified, if is_downloaded { report.size } else { 0 })
                }
                TaskResult::Push(Err(_))
                | TaskResult::Pull(Err(_))
                | TaskResult::Verify(Err(_)) => (&mut self.failed, 0),
            };
            *counter += 1;
            self.bytes += bytes;
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
