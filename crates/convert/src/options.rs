//! Options of reading a virtual disk.

use std::path::PathBuf;

use imgpush_formats::Format;
use serde::{Deserialize, Serialize};

/// Bytes of the image that are held by default while it is read once.
const HOLD_BYTES: u64 = 64 << 20;

/// How a virtual disk is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The expected format; by default the format is detected.
    pub format: Option<Format>,
    /// Whether the image is read once from start to end even if the source has random access. Then the source
    /// can verify its checksums in the same pass, but the order of the image may need a spool. False by
    /// default.
    pub one_pass: bool,
    /// Bytes that are requested at once from a source with random access where reads follow each other; by
    /// default 4 MiB for addresses, and 0 for others, whose requests are cheap.
    pub read_ahead_bytes: Option<usize>,
    /// Maximum number of bytes of the image that are held in memory while a source without random access is
    /// read, in addition to 40 MiB for buffers and tables.
    pub hold_bytes: u64,
    /// The folder for a temporary file with what exceeds this limit; by default that is an error. With a folder,
    /// a source that expects a checksum is read in one pass.
    pub spool: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            format: None,
            one_pass: false,
            read_ahead_bytes: None,
            hold_bytes: HOLD_BYTES,
            spool: None,
        }
    }
}

impl ReadOptions {
    /// Sets the expected format. An image of another format is refused.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets whether the image is read once from start to end.
    #[must_use]
    pub fn with_one_pass(mut self, one_pass: bool) -> Self {
        self.one_pass = one_pass;
        self
    }

    /// Sets the number of bytes that are requested at once.
    #[must_use]
    pub fn with_read_ahead_bytes(mut self, bytes: usize) -> Self {
        self.read_ahead_bytes = Some(bytes);
        self
    }

    /// Sets the limit for held bytes.
    #[must_use]
    pub fn with_hold_bytes(mut self, bytes: u64) -> Self {
        self.hold_bytes = bytes;
        self
    }

    /// Sets the folder for a temporary file.
    #[must_use]
    pub fn with_spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(folder.into());
        self
    }
}

/// How an image is read. It is serialised as its variant in kebab case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// By random access, in the order of the disk.
    Random,
    /// Once from start to end. Parts in another order than the disk are held in memory.
    Forward,
    /// Once from start to end. Parts that exceeded the limit of the memory are in a temporary file.
    Spooled,
    /// Once from start to end, by the markers of a stream-optimized VMDK. No more than a chunk is held.
    Markers,
}
