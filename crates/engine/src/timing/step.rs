//! The steps of a push, and the seconds spent in each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What was spent in one bin: nanoseconds of each step, and the bytes sent.
pub(super) type Column = [u64; COLUMNS];
pub(super) const COLUMNS: usize = STEPS + 1;
/// Where the bytes are.
pub(super) const SENT: usize = STEPS;

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds to the microsecond.
pub(super) fn seconds(nanos: u64) -> f64 {
    Duration::from_micros(nanos / 1000).as_secs_f64()
}

/// The steps, each a variant, a field of the sums, and a line of the timeline.
macro_rules! steps {
    ($($(#[doc = $doc:literal])* $step:ident $field:ident,)*) => {
        /// What a part of a push is doing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Step {
            $($step,)*
        }

        /// The names of the stages, in the order of the steps.
        pub(crate) const STAGE_NAMES: [&str; STEPS] = [$(stringify!($field)),*];

        /// The number of steps.
        pub(crate) const STEPS: usize = [$(Step::$step),*].len();

        /// Seconds that a push has spent in each stage. Stages of the reading go on while those of the
        /// target do, so they do not add up.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct Stages {
            $($(#[doc = $doc])* pub $field: f64,)*
        }

        /// The lines of a timeline, to be read from JSON.
        #[derive(Default, Deserialize)]
        #[serde(default)]
        pub(super) struct StageLines {
            $($field: Vec<f64>,)*
        }

        impl From<StageLines> for [Vec<f64>; STEPS] {
            fn from(lines: StageLines) -> Self {
                [$(lines.$field),*]
            }
        }

        impl From<&Column> for Stages {
            fn from(column: &Column) -> Self {
                Stages { $($field: seconds(column[Step::$step as usize]),)* }
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
    Preflight preflight,
    /// Making the record.
    Create create,
    /// Sending, from opening the request to the last byte handed to the connection, of all attempts.
    Send send,
    /// Of that, the connection waited for data.
    WaitForData wait_for_data,
    /// Of that, the network or the service took nothing.
    WaitForNetwork wait_for_network,
    /// From the last byte to the answer.
    WaitForAnswer wait_for_answer,
    /// The service imported, fetched, or copied.
    Import import,
    /// Between tries, from the failure of one to the begin of the next.
    RetryPauses retry_pauses,
    /// Asking what the service has, and reading again where that takes another digest.
    Verify verify,
    /// Removing the record of a push that failed.
    Remove remove,
}
