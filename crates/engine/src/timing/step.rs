//! The steps of a push, and the seconds spent in each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The content of one bin: nanoseconds of each step, and the bytes sent.
pub(super) type Column = [u64; COLUMNS];
pub(super) const COLUMNS: usize = STEPS + 1;
/// The index of the bytes.
pub(super) const SENT: usize = STEPS;

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Converts to seconds, with a resolution of 1 µs.
pub(super) fn seconds(nanos: u64) -> f64 {
    Duration::from_micros(nanos / 1000).as_secs_f64()
}

/// Defines the steps: each is a variant of `Step`, a field of `Stages`, and a list of the timeline.
macro_rules! steps {
    ($($(#[doc = $doc:literal])* $step:ident $field:ident,)*) => {
        /// A step of a push.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Step {
            $($step,)*
        }

        /// The names of the stages, in the order of the steps.
        pub(crate) const STAGE_NAMES: [&str; STEPS] = [$(stringify!($field)),*];

        /// The number of steps.
        pub(crate) const STEPS: usize = [$(Step::$step),*].len();

        /// Seconds that a push has spent in each stage. The stages of the reader and of the target overlap,
        /// so they do not add up to the total.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct Stages {
            $($(#[doc = $doc])* pub $field: f64,)*
        }

        /// The lists of a timeline, for deserialisation.
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
    /// Reading the source: waiting for the disk, or for the sender.
    Read read,
    /// Decompressing the source.
    Decompress decompress,
    /// Hashing, the sum over all threads.
    Hash hash,
    /// The reader was waiting for the hashers.
    WaitForHash wait_for_hash,
    /// The reader was waiting for the slowest target.
    WaitForSend wait_for_send,
    /// The reader was waiting for memory, while all buffers were being hashed or sent.
    WaitForBuffer wait_for_buffer,
    /// Querying the service before the upload (preflight).
    Preflight preflight,
    /// Creating the record.
    Create create,
    /// Uploading, from the start of the request to the last byte handed to the connection, in all attempts.
    Send send,
    /// The part of the upload in which the connection was waiting for data.
    WaitForData wait_for_data,
    /// The part of the upload in which the network or the service accepted no data.
    WaitForNetwork wait_for_network,
    /// From the last byte to the response.
    WaitForAnswer wait_for_answer,
    /// Import, download by the service, or copies to stores.
    Import import,
    /// Pauses before retries, from a failure to the start of the next attempt.
    RetryPauses retry_pauses,
    /// Fetching the image to verify it, and reading the source again for another digest.
    Verify verify,
    /// Deleting the record of a failed push.
    Remove remove,
}
