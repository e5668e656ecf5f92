//! A running batch, as its caller sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::event::BatchEvent;
use super::options::BatchOptions;
use super::summary::BatchSummary;
use super::worker::BatchWork;
use crate::resources::JobResources;

/// A running batch: a stream of events, which ends after the last task.
///
/// # Cancel safety
///
/// Cancel safe: no event is lost. Dropping it drops the running tasks, as dropping a
/// [`MultiPush`](crate::MultiPush) or a [`Download`](crate::Download) does.
pub struct RunningBatch {
    events: mpsc::Receiver<BatchEvent>,
    jobs: JoinSet<()>,
    work: Arc<BatchWork>,
    summary: BatchSummary,
    journal_damage: Option<String>,
}

impl RunningBatch {
    pub(super) fn start(
        work: BatchWork,
        options: &BatchOptions,
        journal_damage: Option<String>,
    ) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let work = Arc::new(work);
        let mut jobs = JoinSet::new();
        let count = options.jobs.get();
        let resources = JobResources::divided(options.memory_bytes, options.chunk_bytes, count);
        for _ in 0..count {
            jobs.spawn(Arc::clone(&work).run(resources.clone(), sender.clone()));
        }
        let summary = BatchSummary::default();
        RunningBatch { events, jobs, work, summary, journal_damage }
    }

    /// Returns a sentence about unreadable lines of the journal, if there are any.
    #[must_use]
    pub fn journal_damage(&self) -> Option<&str> {
        self.journal_damage.as_deref()
    }

    /// Returns the summary so far; it is complete when the stream has ended.
    #[must_use]
    pub fn summary(&self) -> &BatchSummary {
        &self.summary
    }
}

/// Capacity of the event queue. Jobs wait while it is full.
const EVENTS: usize = 64;

impl Stream for RunningBatch {
    type Item = BatchEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<BatchEvent>> {
        let this = self.get_mut();
        let event = ready!(this.events.poll_recv(cx));
        match &event {
            Some(BatchEvent::Ended(outcome)) => this.summary.add(outcome),
            Some(BatchEvent::Begun { .. }) => {}
            None => {
                // The task of a job that panicked is lost, so the panic is passed on.
                while let Some(job) = ready!(this.jobs.poll_join_next(cx)) {
                    if let Err(error) = job
                        && error.is_panic()
                    {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
                this.summary.not_started += this.work.give_up();
            }
        }
        this.summary.seconds = this.work.start.elapsed().as_secs_f64();
        Poll::Ready(event)
    }
}

impl std::fmt::Debug for RunningBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningBatch").field("summary", &self.summary).finish_non_exhaustive()
    }
}
