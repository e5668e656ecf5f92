//! Where the time of a push goes, and what would help.
//!
//! Whoever works on a push writes its times down with a [`Stopwatch`]: one is the reading's, which all
//! targets share, and one each target's. Writers keep [tallies](Tally) of their own and write them down a
//! hundred times a second, so what is measured costs a look at the clock and no lock.

mod bottleneck;
mod reader_clock;
mod sender_clock;
mod stopwatch;
mod timeline;

use serde::Serialize;

pub use bottleneck::Bottleneck;
pub(crate) use reader_clock::ReaderWatch;
pub(crate) use sender_clock::SenderWatch;
pub(crate) use stopwatch::{Stopwatch, Tally};
pub use timeline::Timeline;

use bottleneck::{Course, judge};
use timeline::Column;

/// Where the time of a push went.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timing {
    /// When it began, in seconds since 1970.
    pub started: f64,
    /// Seconds until then; a report says them itself.
    #[serde(skip)]
    pub seconds: f64,
    /// Seconds of each stage.
    pub stages: Stages,
    /// What took the most of the time; none of a push that did not begin.
    pub bottleneck: Option<Bottleneck>,
    /// So many seconds.
    pub bottleneck_seconds: f64,
    /// What would help, in a sentence.
    pub advice: Option<String>,
    /// The same over time.
    pub timeline: Timeline,
}

impl Timing {
    /// Of a push that could not begin.
    #[must_use]
    pub fn unbegun() -> Self {
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
            advice: Some(judged.advice),
            timeline: Timeline::of(&bins, target.retries()),
            stages,
        }
    }
}

/// The steps, each a variant, a field of the sums, and a line of the timeline.
macro_rules! steps {
    ($($(#[doc = $doc:literal])* $step:ident $field:ident,)*) => {
        /// What somebody who works on a push is at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Step {
            $($step,)*
        }

        /// The number of steps.
        pub(crate) const STEPS: usize = [$(Step::$step),*].len();

        /// Seconds that a push has spent in each stage. Stages of the reading go on while those of the
        /// target do, so they do not add up.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        #[non_exhaustive]
        pub struct Stages {
            $($(#[doc = $doc])* pub $field: f64,)*
        }

        impl From<&Column> for Stages {
            fn from(column: &Column) -> Self {
                Stages { $($field: timeline::seconds(column[Step::$step as usize]),)* }
            }
        }

        impl Timeline {
            /// Seconds of each stage in each interval, by the names of the stages; none of a stage that
            /// took no time.
            #[must_use]
            pub fn stages(&self) -> Vec<(&'static str, &[f64])> {
                vec![$((stringify!($field), self.busy(Step::$step)),)*]
            }
        }
    };
}

steps! {
    /// Reading the source: waiting for the disk, or for whoever sends it.
    Read read,
    /// Unpacking it.
    Decompress decompress,
    /// Hashing, the sum over all threads.
    Hash hash,
    /// The reader waited because hashing was behind.
    WaitForHash wait_for_hash,
    /// The reader waited because a target was behind.
    WaitForSend wait_for_send,
    /// The reader waited for memory: all of it held what is hashed or sent.
    WaitForBuffer wait_for_buffer,
    /// Asking the service what it would refuse.
    Ask ask,
    /// Making the record.
    Create create,
    /// Sending, from opening the request to the last byte handed to the connection, of all attempts.
    Send send,
    /// Of that, the connection waited for data.
    Starved starved,
    /// Of that, the network or the service took nothing.
    Blocked blocked,
    /// From the last byte to the answer.
    Finish finish,
    /// The service imported, fetched, or copied.
    Import import,
    /// Between tries, from the failure of one to the begin of the next.
    Pause pause,
    /// Asking what the service has, and reading again where that takes another digest.
    Verify verify,
    /// Removing the record of a push that failed.
    Remove remove,
}
