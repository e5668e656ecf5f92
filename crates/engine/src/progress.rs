//! Progress events of a push, a staging, a download, a verification or a hashing run.
//!
//! Callers implement [`Progress`]; every operation that takes a receiver promises exactly one call of
//! [`ended`](Progress::ended).

use std::time::Duration;

use crate::error::ErrorKind;

/// Receives progress events. The calls come from the async runtime or from a hashing thread, and must not
/// block.
pub trait Progress: Send + Sync {
    /// A new phase has started.
    fn phase(&self, _phase: Phase) {}

    /// The total number of bytes, once it is known.
    fn total(&self, _bytes: u64) {}

    /// The number of bytes handed to the connection since the start of the attempt, or read if nothing is
    /// sent. It restarts at 0 with each attempt.
    ///
    /// For a download: the number of bytes received, or found in a partial file and hashed. It never
    /// decreases, because a broken connection is resumed.
    fn sent(&self, _bytes: u64) {}

    /// A failure is retried after a pause.
    fn retrying(&self, _retrying: &Retrying) {}

    /// A message for the user, one sentence.
    fn note(&self, _text: &str) {}

    /// The id of the image record: the push has created it, has taken it over from another run, or has found
    /// that the image is identical. It is called again if a new record replaces the record.
    fn record(&self, _id: &str) {}

    /// The push, the staging, the download or the verification has ended. This is the last call, and it is made
    /// exactly once, also after a cancellation. It is not made if the future is dropped.
    fn ended(&self, _result: Result<(), ErrorKind>) {}
}

/// A failure and its retry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retrying {
    /// The name of the cloud.
    pub cloud: String,
    /// The failure and its causes, the outermost first.
    pub reason: String,
    /// The pause before the retry.
    pub pause: Duration,
    /// The number of the retry, from 1; 0 for the first renewal of the token, which does not count.
    pub number: u32,
    /// The maximum number of retries.
    pub of: u32,
}

/// A phase of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Reading the start of the source to detect its format.
    Inspecting,
    /// Asking the server what it would reject (preflight).
    Preflight,
    /// Creating the image record.
    Creating,
    /// Uploading the data.
    Sending,
    /// All bytes are sent; waiting for the response of the server.
    Finishing,
    /// Comparing the fields of the image with the computed digests.
    Verifying,
    /// The service imports the staged data, downloads it, or copies it to further stores.
    Importing,
    /// Waiting before a retry.
    Waiting,
    /// Deleting the record after a failure.
    Removing,
    /// Reading and hashing without an upload.
    Hashing,
    /// Hashing the partial file of an earlier download, to resume it.
    Resuming,
    /// Downloading the data.
    Downloading,
    /// Converting a disk into a file.
    Converting,
}

impl Phase {
    /// Returns the name of the phase, one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Inspecting => "inspecting",
            Phase::Preflight => "preflight",
            Phase::Creating => "creating",
            Phase::Sending => "sending",
            Phase::Finishing => "finishing",
            Phase::Verifying => "verifying",
            Phase::Importing => "importing",
            Phase::Waiting => "waiting",
            Phase::Removing => "removing",
            Phase::Hashing => "hashing",
            Phase::Resuming => "resuming",
            Phase::Downloading => "downloading",
            Phase::Converting => "converting",
        }
    }
}

/// Ignores all events.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
