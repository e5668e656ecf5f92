//! A batch that is shown while it runs.

use futures_util::StreamExt as _;
use imgpush_engine::{BatchEvent, BatchSummary, Outcome, RunningBatch};

use crate::progress::BatchView;

/// Waits for the end of a batch, and hands what became of each task to `report`, with the terminal to itself.
pub(super) async fn finished(
    mut running: RunningBatch,
    views: &BatchView,
    mut report: impl FnMut(Outcome),
) -> BatchSummary {
    while let Some(event) = running.next().await {
        let BatchEvent::Ended(outcome) = event else { continue };
        views.ended(outcome.number, outcome.is_ok());
        views.aside(|| report(outcome));
    }
    views.close();
    running.summary().clone()
}
