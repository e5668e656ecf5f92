//! Recording of times during a push.
//!
//! All clocks of this module record to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::step::{COLUMNS, Column, SENT, STEPS, Step, nanos};
use super::timeline::Bins;

/// The times of a pass, or of a target, so far.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    began: SystemTime,
    times: Mutex<RecordedTimes>,
}

#[derive(Debug, Default)]
struct RecordedTimes {
    bins: Bins,
    /// The current step of a target, and its start.
    now: Option<(Step, Instant)>,
    retries: Vec<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Arc<Self> {
        let (start, began) = (Instant::now(), SystemTime::now());
        Arc::new(Stopwatch { start, began, times: Mutex::default() })
    }

    /// Creates another one with the same start.
    pub(crate) fn with_same_start(&self) -> Arc<Self> {
        Arc::new(Stopwatch { start: self.start, began: self.began, times: Mutex::default() })
    }

    /// Ends the current step, and starts this one.
    pub(crate) fn enter(&self, step: Option<Step>) {
        let now = Instant::now();
        let mut times = self.lock();
        if let Some((step, since)) = times.now.take() {
            times.bins.spread(step as usize, nanos(now - since), self.at(since), self.at(now));
        }
        times.now = step.map(|step| (step, now));
    }

    /// Adds a step that has just ended.
    pub(crate) fn add(&self, step: Step, from: Instant) {
        let now = Instant::now();
        let mut times = self.lock();
        times.bins.spread(step as usize, nanos(now - from), self.at(from), self.at(now));
    }

    /// Records a retry after a pause, which starts now.
    pub(crate) fn retrying(&self) {
        self.enter(Some(Step::RetryPauses));
        self.lock().retries.push(self.start.elapsed());
    }

    /// Creates a tally for one writer.
    pub(crate) fn tally(self: &Arc<Self>) -> Tally {
        Tally { watch: Arc::clone(self), since: Instant::now(), spent: [0; COLUMNS] }
    }

    /// Returns all recorded times, and the current step up to now.
    pub(super) fn bins(&self) -> Bins {
        let times = self.lock();
        let mut bins = times.bins.clone();
        if let Some((step, since)) = times.now {
            let now = Instant::now();
            bins.spread(step as usize, nanos(now - since), self.at(since), self.at(now));
        }
        bins
    }

    /// Returns the times of the retries, in seconds from the start.
    pub(super) fn retries(&self) -> Vec<f64> {
        self.lock().retries.iter().map(Duration::as_secs_f64).collect()
    }

    /// Returns the start, in seconds since 1970.
    pub(super) fn began(&self) -> f64 {
        self.began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }

    /// Returns the seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn at(&self, instant: Instant) -> u64 {
        nanos(instant.saturating_duration_since(self.start))
    }

    /// The guarded data is consistent between any two statements, so a panic elsewhere leaves it usable.
    fn lock(&self) -> MutexGuard<'_, RecordedTimes> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Times of one writer that are not recorded yet.
#[derive(Debug)]
pub(crate) struct Tally {
    watch: Arc<Stopwatch>,
    /// The time of the last recording; `spent` contains the times since then.
    since: Instant,
    spent: Column,
}

impl Tally {
    /// Adds a time that was just spent.
    pub(crate) fn add(&mut self, step: Step, time: Duration) {
        self.spent[step as usize] += nanos(time);
    }

    /// Adds bytes that were sent.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.spent[SENT] += bytes;
    }

    /// Records the times if the interval has passed. They are distributed over the time from the last
    /// recording to `now`.
    pub(crate) fn flush_if_due(&mut self, now: Instant) {
        if now - self.since >= FLUSH_INTERVAL {
            self.flush(now);
        }
    }

    /// Records the times.
    pub(crate) fn flush(&mut self, now: Instant) {
        let (from, until) = (self.watch.at(self.since), self.watch.at(now));
        let mut times = self.watch.lock();
        for (column, spent) in self.spent.iter_mut().enumerate() {
            times.bins.spread(column, std::mem::take(spent), from, until);
        }
        self.since = now;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.flush(Instant::now());
    }
}

/// As fine as the first bins of a timeline.
const FLUSH_INTERVAL: Duration = Duration::from_millis(10);

const _: () = assert!(SENT == STEPS);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::Stages;

    #[test]
    fn a_step_ends_the_one_before_and_the_current_step_counts() {
        let watch = Stopwatch::start();
        watch.enter(Some(Step::Preflight));
        std::thread::sleep(Duration::from_millis(20));
        watch.enter(Some(Step::Create));
        std::thread::sleep(Duration::from_millis(30));
        let stages = Stages::from(&watch.bins().sums());
        assert!((0.02..0.5).contains(&stages.preflight), "{stages:?}");
        assert!((0.03..0.5).contains(&stages.create), "{stages:?}");
        watch.enter(None);
        let closed = Stages::from(&watch.bins().sums());
        assert_eq!(Stages::from(&watch.bins().sums()), closed);
        assert_eq!(closed.preflight, stages.preflight);
    }

    #[test]
    fn a_tally_is_recorded_at_intervals_and_on_drop() {
        let watch = Stopwatch::start();
        let mut tally = watch.tally();
        let start = tally.since;
        let (small, read) = (Duration::from_millis(1), |watch: &Stopwatch| watch.bins().sums()[0]);
        tally.add(Step::Read, small);
        tally.flush_if_due(start + small);
        assert_eq!(read(&watch), 0);
        tally.add(Step::Read, small);
        tally.flush_if_due(start + FLUSH_INTERVAL);
        assert_eq!(read(&watch), 2_000_000);
        tally.add(Step::Read, small);
        tally.sent(7);
        drop(tally);
        assert_eq!(read(&watch), 3_000_000);
        assert_eq!(watch.bins().sent(), 7);
    }
}
