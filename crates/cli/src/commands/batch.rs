//! Batches that are shown while they run.

use futures_util::StreamExt as _;
use imgpush_engine::{
    Batch, BatchEvent, BatchSummary, BatchTask, CancellationToken, Outcome, RunningBatch,
    TaskResult,
};

use super::selection::Selected;
use crate::args::JobArgs;
use crate::args::image::DownloadArgs;
use crate::printer::Printer;
use crate::progress::BatchView;

/// Waits for the end of a batch, and passes the outcome of each task to `report`, which has the terminal to
/// itself.
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

/// Tasks for selected images.
pub(super) struct SelectedBatch<'a> {
    pub(super) selected: &'a Selected,
    pub(super) jobs: &'a JobArgs,
    pub(super) download: &'a DownloadArgs,
    pub(super) cancel: &'a CancellationToken,
}

impl SelectedBatch<'_> {
    /// Runs a task for each image, up to `--jobs` at a time and in the order of the images, and passes each
    /// result to `report` with the name that the user gave.
    pub(super) async fn run<T: Into<BatchTask> + Send + 'static>(
        &self,
        tasks: Vec<T>,
        printer: &Printer,
        mut report: impl FnMut(TaskResult, &str),
    ) -> BatchSummary {
        let DownloadArgs { display, memory, .. } = self.download;
        let Selected { cloud, images, .. } = self.selected;
        let names: Vec<_> = images.iter().map(|chosen| chosen.named.clone()).collect();
        let clouds = std::slice::from_ref(cloud);
        let sizes: Vec<_> = images.iter().map(|chosen| chosen.image.size()).collect();
        let views = BatchView::new(display.progress, display.quiet, printer, clouds, &sizes);
        let batch = Batch::new(self.jobs.options(images.len(), *memory)).with_progress({
            let (views, names) = (views.clone(), names.clone());
            move |task| views.started(task.number, &names[task.number], task.cloud)
        });
        let running = batch.start(tasks, self.cancel);
        let running = running.expect("a batch without a journal has nothing to open");
        let summary = finished(running, &views, |outcome| {
            let named = &names[outcome.number];
            outcome.results.into_iter().for_each(|result| report(result, named));
        });
        summary.await
    }
}
