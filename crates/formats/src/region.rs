//! The kept parts of a stream: at absolute offsets, and the end.
//!
//! Both keep a fixed number of bytes that the caller sets; the stream cannot increase it.

use std::fmt;
use std::ops::Range;

use crate::on_disk::{first, last};

/// Bytes from the start of a stream that are always kept.
///
/// The farthest magic, that of a CD, is at 32 769. In every image that qemu writes, headers with their
/// extensions and names end before this.
pub const HEAD_BYTES: usize = 64 << 10;

/// Bytes from the end of a stream that are kept: a sector of the largest disks, which contains the second
/// header of a GPT. The footer of a VMDK needs 1 536 bytes, those of Virtual PC and Apple fewer.
pub const TAIL_BYTES: usize = 4096;

/// A part of the stream at an absolute offset.
#[derive(Clone)]
pub(crate) struct CaptureRegion {
    offset: u64,
    length: usize,
    bytes: Vec<u8>,
}

impl CaptureRegion {
    pub(crate) fn new(offset: u64, length: usize) -> Self {
        CaptureRegion { offset, length, bytes: Vec::new() }
    }

    /// Copies the missing bytes from the piece that starts at `position`. Pieces arrive in order.
    pub(crate) fn feed(&mut self, position: u64, piece: &[u8]) {
        let next = self.offset + self.bytes.len() as u64;
        let Some(skip) = next.checked_sub(position).and_then(|skip| usize::try_from(skip).ok())
        else {
            return;
        };
        let Some(rest) = piece.get(skip..) else { return };
        let wanted = first(rest, self.length - self.bytes.len());
        if !wanted.is_empty() {
            // Reserved at once: growing would briefly hold the bytes twice.
            self.bytes.reserve_exact(self.length - self.bytes.len());
        }
        self.bytes.extend_from_slice(wanted);
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset after its last byte, which may be after the end of any stream.
    pub(crate) fn end(&self) -> u64 {
        self.offset.saturating_add(self.length as u64)
    }

    /// The range that is missing.
    pub(crate) fn missing(&self) -> Range<u64> {
        self.offset.saturating_add(self.bytes.len() as u64)..self.end()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.bytes.len() == self.length
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for CaptureRegion {
    /// Shows the position without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.length - self.bytes.len();
        f.debug_struct("CaptureRegion")
            .field("offset", &self.offset)
            .field("length", &self.length)
            .field("missing", &missing)
            .finish()
    }
}

/// The last bytes of the stream so far.
#[derive(Clone)]
pub(crate) struct TailRegion {
    length: usize,
    /// At most twice `length`, so that a single byte does not move all others.
    bytes: Vec<u8>,
}

impl TailRegion {
    pub(crate) fn new(length: usize) -> Self {
        TailRegion { length, bytes: Vec::new() }
    }

    pub(crate) fn feed(&mut self, piece: &[u8]) {
        let piece = last(piece, self.length);
        if self.bytes.len() + piece.len() > 2 * self.length {
            let stale = self.bytes.len() - self.length.min(self.bytes.len());
            self.bytes.drain(..stale);
        }
        self.bytes.extend_from_slice(piece);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        last(&self.bytes, self.length)
    }
}

impl fmt::Debug for TailRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailRegion").field("length", &self.bytes().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_do_not_depend_on_the_pieces() {
        let stream: Vec<u8> = (0..=250).cycle().take(3000).collect();
        for piece_bytes in [1, 7, 100, 511, 2999, 3000] {
            let mut region = CaptureRegion::new(1000, 600);
            let mut beyond = CaptureRegion::new(u64::MAX - 1, 600);
            let mut tail = TailRegion::new(1536);
            for (index, piece) in stream.chunks(piece_bytes).enumerate() {
                let position = (index * piece_bytes) as u64;
                region.feed(position, piece);
                beyond.feed(position, piece);
                tail.feed(piece);
                assert!(tail.bytes.len() <= 3072);
            }
            assert!(region.is_complete());
            assert_eq!(region.bytes(), &stream[1000..1600], "{piece_bytes}");
            assert_eq!(tail.bytes(), &stream[1464..], "{piece_bytes}");
            assert_eq!((beyond.bytes(), beyond.end()), (&[][..], u64::MAX));
        }
    }
}
