//! The times in the report of a push.

use serde::{Deserialize, Serialize};

use super::bottleneck::{Bottleneck, Course, judge};
use super::step::Stages;
use super::stopwatch::Stopwatch;
use super::timeline::Timeline;

/// The times of a push.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timing {
    /// Seconds from the first read to the end of verification, or to the failure.
    pub seconds: f64,
    /// The start, in seconds since 1970.
    pub started: f64,
    /// Seconds of each stage.
    pub timings: Stages,
    /// The stage that took most of the time; `None` for a push that did not start.
    pub bottleneck: Option<Bottleneck>,
    /// Seconds of the bottleneck.
    pub bottleneck_seconds: f64,
    /// How to make it faster; `None` for a push of less than a second.
    pub advice: Option<String>,
    /// The same over time; not in JSON if it is empty.
    #[serde(default, skip_serializing_if = "Timeline::is_empty")]
    pub timeline: Timeline,
}

impl Timing {
    /// The times of a push that could not start.
    #[must_use]
    pub fn not_started() -> Self {
        Timing { started: Stopwatch::start().began(), ..Timing::default() }
    }

    /// Combines the times of the passes with those of one target. A single target has the passes for itself.
    pub(crate) fn of(reading: &Stopwatch, target: &Stopwatch, is_alone: bool) -> Self {
        let mut bins = reading.bins();
        bins.join(target.bins());
        let stages = Stages::from(&bins.sums());
        let (seconds, sent) = (reading.seconds(), bins.sent());
        let course = Course { stages: &stages, seconds, sent, is_alone };
        let judged = judge(&course);
        Timing {
            started: reading.began(),
            seconds,
            bottleneck: Some(judged.bottleneck),
            bottleneck_seconds: judged.seconds,
            advice: judged.advice,
            timeline: Timeline::of(&bins, target.retries()),
            timings: stages,
        }
    }
}
