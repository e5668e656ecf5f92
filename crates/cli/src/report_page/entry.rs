//! One push on the page.

use imgpush_engine::{PushAction, Report, Timing};

use super::failed_entry::FailedEntry;

/// The push of one image to one target.
pub(super) struct Entry<'a> {
    /// Its number on the page.
    pub(super) at: usize,
    pub(super) result: Result<&'a Report, &'a FailedEntry>,
    /// Seconds after the start of the first one.
    pub(super) begun: f64,
}

/// The entries of the page, those that failed first.
pub(super) fn entries(results: &[Result<Report, FailedEntry>]) -> Vec<Entry<'_>> {
    let started = |result: &Result<Report, FailedEntry>| match result {
        Ok(report) => report.timing.started,
        Err(failed) => failed.timing.started,
    };
    let first = results.iter().map(started).fold(f64::INFINITY, f64::min);
    let is_skipped = |result: &&Result<Report, FailedEntry>| {
        result.as_ref().is_ok_and(|report| report.action == PushAction::Skipped)
    };
    let mut sorted: Vec<_> = results.iter().collect();
    // Failed ones, new images, existing images; each in their order.
    sorted.sort_by_key(|result| (result.is_ok(), is_skipped(result)));
    sorted
        .into_iter()
        .enumerate()
        .map(|(at, result)| Entry { at, result: result.as_ref(), begun: started(result) - first })
        .collect()
}

impl Entry<'_> {
    pub(super) fn source(&self) -> &str {
        self.result.map_or_else(|failed| &*failed.source, |report| &*report.source)
    }

    pub(super) fn cloud(&self) -> &str {
        self.result.map_or_else(|failed| &*failed.cloud, |report| &*report.cloud)
    }

    pub(super) fn timing(&self) -> &Timing {
        self.result.map_or_else(|failed| &failed.timing, |report| &report.timing)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.timing().seconds
    }

    /// The id of the image, if there is one.
    pub(super) fn id(&self) -> Option<&str> {
        match self.result {
            Ok(report) => Some(&report.id),
            Err(failed) => failed.id.as_deref(),
        }
    }

    /// Bytes of the image in the cloud; 0 after a failure.
    pub(super) fn bytes(&self) -> u64 {
        self.result.map_or(0, |report| report.size.unwrap_or_default())
    }

    /// Whether the cloud had the image already.
    pub(super) fn is_skipped(&self) -> bool {
        self.result.is_ok_and(|report| report.action == PushAction::Skipped)
    }

    pub(super) fn anchor(&self) -> String {
        format!("image-{}", self.at)
    }

    /// The result as a CSS class and a word.
    pub(super) fn verdict(&self) -> (&'static str, &'static str) {
        match self.result {
            Ok(_) if self.is_skipped() => ("soft", "skipped"),
            Ok(report) if report.verified => ("good", "verified"),
            Ok(_) => ("good", "pushed"),
            Err(_) => ("bad", "failed"),
        }
    }
}
