//! A batch at work, seen from outside.

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

/// A batch at work: a stream of what happens, which ends when all is done.
///
/// # Cancel safety
///
/// No event is lost. Dropping it drops what runs, as dropping a [`MultiPush`](crate::MultiPush) or a
/// [`Download`](crate::Download) does.
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

    /// A sentence about the lines of the journal that cannot be read, if there are any.
    #[must_use]
    pub fn journal_damage(&self) -> Option<&str> {
        self.journal_damage.as_deref()
    }

    /// What it has come to until now; all of it when the stream has ended.
    #[must_use]
    pub fn summary(&self) -> &BatchSummary {
        &self.summary
    }
}

/// Those that wait for whoever listens; a job that has to say more waits as well.
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
                // A job that panicked took its task with it.
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
