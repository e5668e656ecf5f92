//! What a report says of the time of a push.

use serde::{Deserialize, Serialize};

use super::bottleneck::{Bottleneck, Course, judge};
use super::step::Stages;
use super::stopwatch::Stopwatch;
use super::timeline::Timeline;

/// Where the time of a push went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timing {
    /// Seconds from the first read to the verdict, or to the failure.
    pub seconds: f64,
    /// When it began, in seconds since 1970.
    pub started: f64,
    /// Seconds of each stage.
    pub timings: Stages,
    /// What took the most of the time; none of a push that did not begin.
    pub bottleneck: Option<Bottleneck>,
    /// So many seconds.
    pub bottleneck_seconds: f64,
    /// What would make it faster; none for a push of less than a second.
    pub advice: Option<String>,
    /// The same over time; not in JSON if it is empty.
    #[serde(default, skip_serializing_if = "Timeline::is_empty")]
    pub timeline: Timeline,
}

impl Timing {
    /// Of a push that could not begin.
    #[must_use]
    pub fn not_started() -> Self {
        Timing { started: Stopwatch::start().began(), ..Timing::default() }
    }

    /// What the reading and one target have come to. One that is alone has the reading to itself.
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
