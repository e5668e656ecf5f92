//! The detector: it takes a stream in pieces, and keeps few parts of it. The engine feeds it during an
//! upload.

use std::ops::Range;

use crate::format::INSPECTORS;
use crate::inspect::Stream;
use crate::on_disk::last;
use crate::region::{CaptureRegion, HEAD_BYTES, TAIL_BYTES, TailRegion};
use crate::verdict::{Inspection, judge};

/// Bytes that one format may keep in total, whatever its header requests: one MiB, the limit of qemu and of
/// the image service for the descriptor of a VMDK.
const MAX_REGION_BYTES: usize = 1 << 20;

/// Number of parts that a format may request.
const MAX_REGIONS: usize = 2;

/// Recognises the format of a stream.
///
/// Three parts of the stream are kept: the head, the tail, and the regions that a format requests after its
/// magic was found in the head, since the metadata of an image is found by following offsets. A region that
/// starts before the current position is lost. That does not depend on how the stream is split: new regions
/// are planned at exact positions, when the head or the previous region is complete.
///
/// At most 2 MiB are kept, for any stream.
///
/// [`finish`](Self::finish) judges a stream that has ended, [`so_far`](Self::so_far) a stream that continues.
/// A verdict without all required parts states that: see [`Inspection::is_complete`].
///
/// ```
/// use imgpush_formats::{Detector, FindingId, Format};
///
/// let mut detector = Detector::new();
/// detector.push(&[0; 512]);
/// // The first sector of a file of 10 GiB: it shows no magic, but a CD has its magic at 32 KiB.
/// let inspection = detector.so_far(Some(10 << 30));
/// assert_eq!(inspection.format, Format::Unknown);
/// assert!(!inspection.is_complete);
/// assert_eq!(inspection.findings[0].id, FindingId::NotChecked);
/// // A file of 512 bytes.
/// assert_eq!(detector.finish().format, Format::Raw);
/// ```
#[derive(Clone, Debug)]
pub struct Detector {
    /// Bytes pushed or skipped.
    position: u64,
    head: CaptureRegion,
    /// The requested regions; all but the last are complete.
    captures: Vec<CaptureRegion>,
    has_missed_a_part: bool,
    tail: TailRegion,
    /// The end and the length of a source with random access.
    known_end: Option<(TailRegion, u64)>,
}

impl Default for Detector {
    fn default() -> Self {
        Detector::new()
    }
}

impl Detector {
    /// Judges a source of `length` bytes with random access: it reads the end and then only the requested
    /// parts, each of at most one MiB.
    ///
    /// `read` returns the bytes of a range, which is within the source.
    ///
    /// # Errors
    ///
    /// Returns the error of `read`.
    pub fn seek<E>(
        length: u64,
        mut read: impl FnMut(Range<u64>) -> Result<Vec<u8>, E>,
    ) -> Result<Inspection, E> {
        let mut detector = Detector::new();
        detector.tail(&read(length.saturating_sub(TAIL_BYTES as u64)..length)?, length);
        while let Some(wanted) = detector.wants().filter(|wanted| wanted.start < length) {
            let bytes = read(wanted.start..wanted.end.min(length))?;
            if bytes.is_empty() {
                break;
            }
            detector.skip_to(wanted.start);
            detector.push(&bytes);
        }
        Ok(detector.so_far(None))
    }

    /// Creates a detector without input.
    #[must_use]
    pub fn new() -> Self {
        Detector {
            position: 0,
            head: CaptureRegion::new(0, HEAD_BYTES),
            captures: Vec::new(),
            has_missed_a_part: false,
            tail: TailRegion::new(TAIL_BYTES),
            known_end: None,
        }
    }

    /// Adds the end of a source with random access, so that footers count before everything has been read.
    ///
    /// `bytes` are the last of the `length` bytes of the source: [`TAIL_BYTES`] of them, or all if there are
    /// fewer. More are not needed.
    pub fn tail(&mut self, bytes: &[u8], length: u64) {
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        let mut tail = TailRegion::new(TAIL_BYTES);
        tail.feed(last(bytes, most));
        self.known_end = Some((tail, length));
    }

    /// Adds the next bytes of the stream, in pieces of any size.
    pub fn push(&mut self, mut bytes: &[u8]) {
        self.tail.feed(bytes);
        while !bytes.is_empty() {
            let active = self.captures.last().unwrap_or(&self.head);
            if active.is_complete() {
                self.position += bytes.len() as u64;
                return;
            }
            // Up to the position where the next region is planned, so that it misses nothing of this piece.
            let step = usize::try_from(active.end() - self.position).unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(bytes.len().min(step));
            let active = self.captures.last_mut().unwrap_or(&mut self.head);
            active.feed(self.position, piece);
            self.position += piece.len() as u64;
            bytes = rest;
            while self.captures.last().unwrap_or(&self.head).is_complete() && self.plan() {}
        }
    }

    /// Returns whether no byte before the last [`TAIL_BYTES`] can change the verdict.
    ///
    /// The end of a stream, where some formats have a footer, can still change it; pass it to
    /// [`tail`](Self::tail) if the source has random access.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.captures.last().unwrap_or(&self.head).is_complete()
    }

    /// Returns the next required part; none if [`is_decided`](Self::is_decided).
    ///
    /// With random access, pass the end to [`tail`](Self::tail) and then, with [`skip_to`](Self::skip_to),
    /// push only these parts. A part may start or end after the end of the source; then there is nothing left
    /// to push.
    #[must_use]
    pub fn wants(&self) -> Option<Range<u64>> {
        let active = self.captures.last().unwrap_or(&self.head);
        (!active.is_complete()).then(|| active.missing())
    }

    /// Skips the bytes before `offset`, up to the next required part.
    ///
    /// The next byte pushed is the one at `offset`. The verdict is the same as if the skipped bytes had
    /// been pushed.
    pub fn skip_to(&mut self, offset: u64) {
        let offset = self.wants().map_or(offset, |wanted| offset.min(wanted.start));
        if offset > self.position {
            self.position = offset;
            self.tail = TailRegion::new(TAIL_BYTES);
        }
    }

    /// Judges a stream that has ended: the pushed bytes are the complete stream.
    ///
    /// Only the caller knows that. For the start of a longer stream, use [`so_far`](Self::so_far). After
    /// [`tail`](Self::tail), the length given there applies.
    #[must_use]
    pub fn finish(self) -> Inspection {
        self.so_far(Some(self.position))
    }

    /// Judges the pushed part of a stream that continues.
    ///
    /// `stream_bytes` is the length of the complete stream, if known; it is the size of a raw disk. The bytes
    /// after the pushed ones were not inspected. So the inspection is not
    /// [complete](Inspection::is_complete), has a finding [`NotChecked`](crate::FindingId::NotChecked), and
    /// is never [`Raw`](crate::Format::Raw) before the first [`HEAD_BYTES`] were pushed.
    #[must_use]
    pub fn so_far(&self, stream_bytes: Option<u64>) -> Inspection {
        judge(&self.stream(stream_bytes))
    }

    fn stream(&self, stream_bytes: Option<u64>) -> Stream<'_> {
        let (tail, length) = match &self.known_end {
            Some((tail, length)) => (Some(tail), Some(*length)),
            None if stream_bytes == Some(self.position) => (Some(&self.tail), stream_bytes),
            None => (None, stream_bytes),
        };
        Stream {
            head: self.head.bytes(),
            captures: &self.captures,
            tail: tail.map(TailRegion::bytes),
            length,
            has_missed_a_part: self.has_missed_a_part,
        }
    }

    /// Requests another region from the formats; returns whether one was added.
    fn plan(&mut self) -> bool {
        let asked = self.captures.len();
        if asked == MAX_REGIONS {
            return false;
        }
        let stream = self.stream(None);
        let wanted = INSPECTORS.iter().find_map(|(_, inspector)| inspector.wants(&stream, asked));
        let Some((offset, length)) = wanted else { return false };
        let kept: usize = self.captures.iter().map(|region| region.bytes().len()).sum();
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(MAX_REGION_BYTES - kept);
        let mut region = CaptureRegion::new(offset, length);
        // Its part in the head, if nothing between the head and the current position is needed.
        region.feed(0, self.head.bytes());
        self.has_missed_a_part = !region.is_complete()
            && offset.saturating_add(region.bytes().len() as u64) < self.position;
        if self.has_missed_a_part {
            return false;
        }
        self.captures.push(region);
        true
    }
}
