//! Times of a push as a function of time, in a limited number of bins.

use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::step::{COLUMNS, Column, SENT, STAGE_NAMES, STEPS, StageLines, seconds};

/// Maximum number of bins. When it is reached, every two bins are merged, so a push of a day needs no more
/// memory than one of a second.
const MOST_BINS: usize = 120;
const FIRST_INTERVAL: u64 = 10_000_000;

/// Bins of equal length from the start on.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    /// The length of a bin in nanoseconds.
    interval: u64,
    bins: Vec<Column>,
}

impl Default for Bins {
    fn default() -> Self {
        Bins { interval: FIRST_INTERVAL, bins: Vec::new() }
    }
}

impl Bins {
    /// Adds an amount that is evenly distributed between two times. The sum is exact.
    pub(super) fn spread(&mut self, column: usize, amount: u64, from: u64, until: u64) {
        if amount == 0 {
            return;
        }
        let until = until.max(from);
        while until / self.interval >= MOST_BINS as u64 {
            self.fold();
        }
        let index = |at: u64| usize::try_from(at / self.interval).unwrap_or(MOST_BINS - 1);
        let (first, last) = (index(from), index(until));
        if self.bins.len() <= last {
            self.bins.resize(last + 1, [0; COLUMNS]);
        }
        let duration = u128::from((until - from).max(1));
        let mut left = amount;
        for at in first..last {
            let end = (at as u64 + 1) * self.interval;
            let span = u128::from(end - from.max(at as u64 * self.interval));
            let share =
                u64::try_from(u128::from(amount) * span / duration).unwrap_or(left).min(left);
            self.bins[at][column] += share;
            left -= share;
        }
        self.bins[last][column] += left;
    }

    /// Adds the bins of another timeline with the same start.
    pub(super) fn join(&mut self, mut other: Bins) {
        while self.interval < other.interval {
            self.fold();
        }
        while other.interval < self.interval {
            other.fold();
        }
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), [0; COLUMNS]);
        }
        for (bin, other) in self.bins.iter_mut().zip(&other.bins) {
            add(bin, other);
        }
    }

    pub(super) fn sums(&self) -> Column {
        self.bins.iter().fold([0; COLUMNS], |mut sums, bin| {
            add(&mut sums, bin);
            sums
        })
    }

    /// Returns the bytes sent.
    pub(super) fn sent(&self) -> u64 {
        self.sums()[SENT]
    }

    /// Merges every two bins.
    fn fold(&mut self) {
        let folded = self.bins.chunks(2).map(|pair| {
            let mut bin = pair[0];
            if let Some(other) = pair.get(1) {
                add(&mut bin, other);
            }
            bin
        });
        self.bins = folded.collect();
        self.interval *= 2;
    }
}

fn add(bin: &mut Column, other: &Column) {
    bin.iter_mut().zip(other).for_each(|(sum, more)| *sum += more);
}

/// The activity of a push over time, in at most 120 intervals.
///
/// As JSON it is an object with `interval` (seconds), `sent` (bytes in each interval), `retries` (times of
/// the retries in seconds from the start), and one list for each stage, by its name: seconds in each
/// interval, or empty if the stage took no time.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Timeline {
    /// The length of an interval in seconds.
    pub interval: f64,
    /// Bytes handed to the connection in each interval.
    pub sent: Vec<u64>,
    /// Times of the retries, in seconds from the start.
    pub retries: Vec<f64>,
    busy: [Vec<f64>; STEPS],
}

impl Timeline {
    /// Returns the seconds of each stage in each interval, with the name of the stage; empty if the stage
    /// took no time.
    #[must_use]
    pub fn stages(&self) -> Vec<(&'static str, &[f64])> {
        STAGE_NAMES.into_iter().zip(self.busy.iter().map(Vec::as_slice)).collect()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.retries.is_empty()
    }

    pub(super) fn of(bins: &Bins, retries: Vec<f64>) -> Self {
        let lane = |step: usize| bins.bins.iter().map(move |bin| bin[step]);
        let busy = std::array::from_fn(|step| {
            // Rounded to 0.1 ms, to keep the JSON short.
            let rounded = |nanos: u64| Duration::from_micros(nanos / 100_000 * 100).as_secs_f64();
            let has_any = lane(step).any(|nanos| nanos > 0);
            lane(step).filter(|_| has_any).map(rounded).collect()
        });
        Timeline { interval: seconds(bins.interval), sent: lane(SENT).collect(), retries, busy }
    }
}

impl Serialize for Timeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(STEPS + 3))?;
        map.serialize_entry("interval", &self.interval)?;
        map.serialize_entry("sent", &self.sent)?;
        map.serialize_entry("retries", &self.retries)?;
        for (name, busy) in self.stages() {
            map.serialize_entry(name, busy)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Timeline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Keys {
            interval: f64,
            sent: Vec<u64>,
            retries: Vec<f64>,
            #[serde(flatten)]
            busy: StageLines,
        }
        let Keys { interval, sent, retries, busy } = Keys::deserialize(deserializer)?;
        Ok(Timeline { interval, sent, retries, busy: busy.into() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::step::Step;
    use super::*;

    const READ: usize = Step::Read as usize;

    fn read(bins: &Bins) -> Vec<u64> {
        bins.bins.iter().map(|bin| bin[READ]).collect()
    }

    #[test]
    fn an_amount_is_distributed_over_the_bins_of_its_time() {
        let mut bins = Bins::default();
        let ms = 1_000_000;
        bins.spread(READ, 20 * ms, 5 * ms, 25 * ms);
        assert_eq!(read(&bins), [5 * ms, 10 * ms, 5 * ms]);
        // With an uneven remainder.
        bins.spread(READ, 2 * ms, 20 * ms, 30 * ms);
        assert_eq!(read(&bins), [5 * ms, 10 * ms, 7 * ms, 0]);
    }

    #[test]
    fn full_bins_are_merged_in_pairs() {
        let mut bins = Bins::default();
        for at in 0..MOST_BINS as u64 {
            bins.spread(READ, 1, at * FIRST_INTERVAL, at * FIRST_INTERVAL);
        }
        assert_eq!(bins.bins.len(), MOST_BINS);
        bins.spread(READ, 1, MOST_BINS as u64 * FIRST_INTERVAL, MOST_BINS as u64 * FIRST_INTERVAL);
        assert_eq!(bins.interval, 2 * FIRST_INTERVAL);
        assert_eq!(read(&bins), [vec![2; MOST_BINS / 2], vec![1]].concat());
        // A push of a week.
        bins.spread(SENT, 7, 0, 7 * 24 * 3600 * 1_000_000_000);
        assert!(bins.bins.len() <= MOST_BINS);
        assert_eq!((bins.sums()[READ], bins.sent()), (121, 7));
    }

    #[test]
    fn timelines_with_different_intervals_can_be_joined() {
        let (mut short, mut long) = (Bins::default(), Bins::default());
        short.spread(READ, 6, 0, 0);
        long.spread(SENT, 1000, 0, 100 * MOST_BINS as u64 * FIRST_INTERVAL);
        let interval = long.interval;
        short.join(long.clone());
        assert_eq!((short.interval, short.sums()[READ], short.sent()), (interval, 6, 1000));
        let mut other = Bins::default();
        other.spread(READ, 6, 0, 0);
        long.join(other);
        assert_eq!(long.bins, short.bins);
    }

    proptest! {
        #[test]
        fn sums_are_exact_and_the_number_of_bins_is_limited(
            spans in proptest::collection::vec((0..COLUMNS, 0..1_u64 << 40, 0..1_u64 << 42, 0..1_u64 << 42), 0..60)
        ) {
            let mut bins = Bins::default();
            let mut sums = [0; COLUMNS];
            for (column, amount, from, length) in spans {
                bins.spread(column, amount, from, from + length);
                sums[column] += amount;
                prop_assert!(bins.bins.len() <= MOST_BINS);
            }
            prop_assert_eq!(bins.sums(), sums);
        }
    }
}
