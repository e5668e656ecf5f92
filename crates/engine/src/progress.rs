//! What a push or a download tells while it runs.

use std::time::Duration;

use crate::error::ErrorKind;

/// Hears of a push, a download or hashing while it runs. Calls come from the async runtime, or from a
/// thread that hashes, and must not block.
pub trait Progress: Send + Sync {
    /// The work has come to another phase.
    fn phase(&self, _phase: Phase) {}

    /// The number of bytes there will be, once it is known.
    fn total(&self, _bytes: u64) {}

    /// So many bytes, from the start, have been handed to the connection, or read where nothing is sent.
    /// Starts again at 0 with another attempt.
    ///
    /// Of a download, so many bytes are here: received, or found in a partial file and hashed. This
    /// never goes back, since a connection that breaks is gone on with.
    fn sent(&self, _bytes: u64) {}

    /// What failed is tried again after a pause.
    fn retrying(&self, _retrying: &Retrying) {}

    /// Something that should be said aloud, in a sentence.
    fn note(&self, _text: &str) {}

    /// The id of the image record: the push has created it, has taken it over from another run, or has found
    /// that the image is identical. It is called again if a new record replaces the record.
    fn record(&self, _id: &str) {}

    /// The push, the staging, the download or the verification has ended. This is the last call, and it is made
    /// exactly once, also after a cancellation. It is not made if the future is dropped.
    fn ended(&self, _result: Result<(), ErrorKind>) {}
}

/// What failed, and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retrying {
    /// The cloud.
    pub cloud: String,
    /// What failed, from the outside in.
    pub reason: String,
    /// When it is tried again.
    pub pause: Duration,
    /// The number of the new try, from 1; 0 for the first new token, which does not count.
    pub number: u32,
    /// The most there will be.
    pub of: u32,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Reading the start of the source to see what it is.
    Inspecting,
    /// Asking the server what it would refuse.
    Preflight,
    /// Making the record.
    Creating,
    /// Sending bytes.
    Sending,
    /// All bytes are out; the server has yet to answer.
    Finishing,
    /// Comparing what the server says with what was computed.
    Verifying,
    /// The service takes over what it has, fetches it, or copies it into further stores.
    Importing,
    /// Waiting to try again.
    Waiting,
    /// Removing the record after a failure.
    Removing,
    /// Reading and hashing, with nowhere to send.
    Hashing,
    /// Hashing what an earlier download has left, to go on behind it.
    Resuming,
    /// Receiving bytes.
    Downloading,
}

impl Phase {
    /// One word for it.
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
        }
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
