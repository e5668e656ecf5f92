//! The start of a stream, piece by piece.

use crate::inspect::{BOOT_SIGNATURE, Inspection, Inspector, judge};
use crate::{others, qcow2};

/// Bytes from the start of the stream that the verdict is made from.
///
/// The farthest magic, that of a CD, lies at 32 769; headers with their extensions and names end
/// before this in every image that qemu writes.
pub const HEAD_BYTES: usize = 64 << 10;

/// One line a format. The first that sees its magic is the verdict when several do, which is fatal
/// anyway.
const INSPECTORS: [Inspector; 9] = [
    qcow2::inspect,
    others::qemu_family,
    others::vmware,
    others::microsoft,
    others::vdi,
    others::luks,
    others::parallels_and_bochs,
    others::packed,
    others::cd,
];

/// Recognises a stream from its start.
#[derive(Clone, Debug, Default)]
pub struct Detector {
    head: Vec<u8>,
}

impl Detector {
    /// A detector that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Detector::default()
    }

    /// Adds the next bytes of the stream, in pieces of any size.
    pub fn push(&mut self, bytes: &[u8]) {
        let wanted = bytes.len().min(HEAD_BYTES - self.head.len());
        self.head.extend_from_slice(&bytes[..wanted]);
    }

    /// Whether no further byte can change the verdict.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.head.len() == HEAD_BYTES
    }

    /// The verdict, taking what was added as all there is unless [`is_decided`](Self::is_decided).
    ///
    /// `stream_bytes` is the length of the whole stream, where it is known; a raw disk is as large.
    #[must_use]
    pub fn inspect(&self, stream_bytes: Option<u64>) -> Inspection {
        let seen = INSPECTORS.iter().filter_map(|inspector| inspector(&self.head)).collect();
        let boot_sector =
            self.head.get(BOOT_SIGNATURE..).is_some_and(|s| s.starts_with(b"\x55\xaa"));
        judge(seen, boot_sector, stream_bytes)
    }
}
