//! Time measurement of the reader thread.
//!
//! `transfer::pass` and the format detection report to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imgpush_digest::Busy;
use imgpush_source::pool::Pool;
use imgpush_source::{Source, SourceTimes};

use super::step::Step;
use super::stopwatch::{Stopwatch, Tally};

/// Divides the time of the reader among reading, decompression and waiting. After each operation, the reader
/// reports what it was.
pub(crate) struct ReaderWatch {
    tally: Tally,
    last: Instant,
    /// The values at the last report.
    source: SourceTimes,
    pool_waits: Duration,
    hashed: Duration,
}

impl ReaderWatch {
    /// Starts the measurement.
    pub(crate) fn new(watch: &Arc<Stopwatch>, source: &mut dyn Source, pool: &Pool) -> Self {
        ReaderWatch {
            tally: watch.tally(),
            last: Instant::now(),
            source: source.times(),
            pool_waits: pool.waits(),
            hashed: Duration::ZERO,
        }
    }

    /// The reader has called the source.
    pub(crate) fn source(&mut self, source: &mut dyn Source, pool: &Pool) {
        let (spent, now) = self.lap();
        let (before, times) = (self.source, source.times());
        self.source = times;
        let waits = pool.waits();
        let parts = [
            (Step::Decompress, times.decompress.saturating_sub(before.decompress)),
            (Step::WaitForHash, times.wait_for_hash.saturating_sub(before.wait_for_hash)),
            (Step::WaitForBuffer, waits.saturating_sub(self.pool_waits)),
        ];
        self.pool_waits = waits;
        let mut read = spent;
        for (step, time) in parts {
            read = read.saturating_sub(time);
            self.tally.add(step, time);
        }
        self.tally.add(Step::Hash, times.hash.saturating_sub(before.hash));
        self.tally.add(Step::Read, read);
        self.tally.flush_if_due(now);
    }

    /// The reader has passed data to the hasher, or waited for its digests.
    pub(crate) fn hasher(&mut self, busy: &Busy) {
        let (spent, now) = self.lap();
        let hashed = busy.time();
        self.tally.add(Step::Hash, hashed.saturating_sub(self.hashed));
        self.hashed = hashed;
        self.tally.add(Step::WaitForHash, spent);
        self.tally.flush_if_due(now);
    }

    /// The reader has sent data to the targets.
    pub(crate) fn targets(&mut self) {
        let (spent, now) = self.lap();
        self.tally.add(Step::WaitForSend, spent);
        self.tally.flush_if_due(now);
    }

    /// The reader has done something that is not measured.
    pub(crate) fn skip(&mut self) {
        self.lap();
    }

    /// Records all measurements, before the end is reported.
    pub(crate) fn flush(&mut self) {
        self.tally.flush(Instant::now());
    }

    fn lap(&mut self) -> (Duration, Instant) {
        let now = Instant::now();
        let spent = now - self.last;
        self.last = now;
        (spent, now)
    }
}
