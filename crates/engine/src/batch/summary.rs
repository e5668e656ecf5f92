//! What a batch came to, in numbers.

use serde::Serialize;

use super::event::Outcome;

/// What a batch came to. An image counts once for each target. Its JSON is the last line of
/// `imgpush push --json` of several images.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BatchSummary {
    /// Proved, and not there before.
    pub pushed: usize,
    /// There already: the same, by `--if-exists` or by a journal, or begun by another run.
    pub skipped: usize,
    /// Failed, or interrupted.
    pub failed: usize,
    /// Not begun: the batch was given up before. A task counts once for each of its targets.
    pub unbegun: usize,
    /// Bytes of the images that were pushed, as the services say.
    pub bytes: u64,
    /// Seconds from the start to the end.
    pub seconds: f64,
}

impl BatchSummary {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        for result in &outcome.results {
            match result {
                Ok(report) if report.action != "pushed" => self.skipped += 1,
                Ok(report) => {
                    self.pushed += 1;
                    self.bytes += report.size.unwrap_or(0);
                }
                Err(_) => self.failed += 1,
            }
        }
    }
}
