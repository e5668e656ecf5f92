//! Measuring a connection by what it asks for.

use std::sync::Arc;
use std::time::Instant;

use super::step::Step;
use super::stopwatch::{Stopwatch, Tally};

/// Tells what a connection does between two questions for data: behind one that was answered the network
/// has it, behind one that was not it waits.
pub(crate) struct SenderWatch {
    tally: Tally,
    /// Since when it has been at what; nothing before the first question.
    state: Option<(Step, Instant)>,
}

impl SenderWatch {
    pub(crate) fn new(watch: &Arc<Stopwatch>) -> Self {
        SenderWatch { tally: watch.tally(), state: None }
    }

    /// It asks, and may have to wait.
    pub(crate) fn asked(&mut self, now: Instant, is_waiting: bool) {
        if let Some((step, since)) = self.state {
            self.tally.add(step, now - since);
            self.tally.mark(now);
        }
        self.state = Some((if is_waiting { Step::WaitForData } else { Step::WaitForNetwork }, now));
    }

    /// It got so much.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.tally.sent(bytes);
    }
}
