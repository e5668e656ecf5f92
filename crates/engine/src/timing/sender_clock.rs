//! Time measurement of a connection, from its requests for data.
//!
//! `transfer::sink` reports to it.

use std::sync::Arc;
use std::time::Instant;

use super::step::Step;
use super::stopwatch::{Stopwatch, Tally};

/// Measures the state of a connection between two requests for data. After an answered request, the network
/// is transferring the data; after an unanswered one, the connection is waiting for data.
pub(crate) struct SenderWatch {
    tally: Tally,
    /// The current state and its start; `None` before the first request.
    state: Option<(Step, Instant)>,
}

impl SenderWatch {
    pub(crate) fn new(watch: &Arc<Stopwatch>) -> Self {
        SenderWatch { tally: watch.tally(), state: None }
    }

    /// The connection requests data; `is_waiting` if none is available.
    pub(crate) fn asked(&mut self, now: Instant, is_waiting: bool) {
        if let Some((step, since)) = self.state {
            self.tally.add(step, now - since);
            self.tally.flush_if_due(now);
        }
        self.state = Some((if is_waiting { Step::WaitForData } else { Step::WaitForNetwork }, now));
    }

    /// The connection has received this number of bytes.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.tally.sent(bytes);
    }
}
