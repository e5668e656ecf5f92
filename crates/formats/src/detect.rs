//! The stream, piece by piece.

use std::ops::Range;

use crate::format::INSPECTORS;
use crate::inspect::Stream;
use crate::on_disk::last;
use crate::region::{CaptureRegion, TailRegion};
use crate::verdict::{Inspection, judge};

/// Bytes from the start of the stream that are always kept.
///
/// The farthest magic, that of a CD, lies at 32 769; headers with their extensions and names end
/// before this in every image that qemu writes.
pub const HEAD_BYTES: usize = 64 << 10;

/// Bytes from the end of the stream that are kept: a sector of the largest disks, in which a GPT's
/// second header stands. VMDK's footer needs 1 536, Virtual PC's and Apple's less.
pub const TAIL_BYTES: usize = 4096;

/// What a format gets in all, whatever its header says: one MiB, qemu's and the image service's limit
/// for a VMDK's descriptor.
const MOST_REGION_BYTES: usize = 1 << 20;

/// How often a format may ask.
const MOST_REGIONS: usize = 2;

/// Recognises a stream.
///
/// Three things are kept of it: the head, the tail, and the regions that the format whose magic is in
/// the head asks for, as an image's metadata is found by following offsets. A region that starts
/// before what has passed is lost, and that does not depend on how the stream is cut: new regions are
/// planned at exact places, when the head or the region before is complete.
///
/// No more than 2 MiB are kept, whatever the stream says of itself.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Bytes that came.
    position: u64,
    head: CaptureRegion,
    /// What was asked for; all but the last are complete or lost.
    captures: Vec<CaptureRegion>,
    tail: TailRegion,
    /// From a source that can seek: its end, and its length.
    known_end: Option<(TailRegion, u64)>,
}

impl Default for Detector {
    fn default() -> Self {
        Detector::new()
    }
}

impl Detector {
    /// The verdict on a source of `length` bytes that can seek, by its end and then only the parts that
    /// are wanted, each of a MiB at most.
    ///
    /// `read` gives the bytes of a range, which lies in the source.
    ///
    /// # Errors
    ///
    /// As `read` fails.
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
        Ok(detector.inspect(None))
    }

    /// A detector that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Detector {
            position: 0,
            head: CaptureRegion::new(0, HEAD_BYTES),
            captures: Vec::new(),
            tail: TailRegion::new(TAIL_BYTES),
            known_end: None,
        }
    }

    /// Gives the end of a source that can seek, so that footers count before all has been read.
    ///
    /// `bytes` are the last of the `length` bytes of the source; more than [`TAIL_BYTES`] are not
    /// needed.
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
            // Up to where the next region is planned, so that it misses nothing of this piece.
            let step = usize::try_from(active.end() - self.position).unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(bytes.len().min(step));
            let active = self.captures.last_mut().unwrap_or(&mut self.head);
            active.feed(self.position, piece);
            self.position += piece.len() as u64;
            bytes = rest;
            while self.captures.last().unwrap_or(&self.head).is_complete() && self.plan() {}
        }
    }

    /// Whether nothing that comes before the last [`TAIL_BYTES`] can change the verdict.
    ///
    /// What comes after this is the end of a stream, where some formats have a footer; give it with
    /// [`tail`](Self::tail) where the source can seek.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.captures.last().unwrap_or(&self.head).is_complete()
    }

    /// The next part that is looked at; none when [`is_decided`](Self::is_decided).
    ///
    /// A source that can seek gives its end by [`tail`](Self::tail) and then, with
    /// [`skip_to`](Self::skip_to), only these parts. A part may reach beyond the end of the source,
    /// or lie there; then there is nothing more to give.
    #[must_use]
    pub fn wants(&self) -> Option<Range<u64>> {
        let active = self.captures.last().unwrap_or(&self.head);
        (!active.is_complete()).then(|| active.missing())
    }

    /// Passes over the bytes before `offset`, as far as nothing that is wanted lies there.
    ///
    /// What comes next is at `offset` then. The verdict is the same as if the bytes had come.
    pub fn skip_to(&mut self, offset: u64) {
        let offset = self.wants().map_or(offset, |wanted| offset.min(wanted.start));
        if offset > self.position {
            self.position = offset;
            self.tail = TailRegion::new(TAIL_BYTES);
        }
    }

    /// The verdict when the stream has ended.
    #[must_use]
    pub fn finish(self) -> Inspection {
        self.inspect(Some(self.position))
    }

    /// The verdict on what was added so far.
    ///
    /// `stream_bytes` is the length of the whole stream, where it is known; a raw disk is as large.
    /// When it is more than was added, the rest counts as not looked at.
    #[must_use]
    pub fn inspect(&self, stream_bytes: Option<u64>) -> Inspection {
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
        }
    }

    /// Asks the formats for another region; whether one was added.
    fn plan(&mut self) -> bool {
        let asked = self.captures.len();
        if asked == MOST_REGIONS {
            return false;
        }
        let stream = self.stream(None);
        let wanted = INSPECTORS.iter().find_map(|(_, inspector)| inspector.wants(&stream, asked));
        let Some((offset, length)) = wanted else { return false };
        let kept: usize = self.captures.iter().map(|region| region.bytes().len()).sum();
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(MOST_REGION_BYTES - kept);
        let mut region = CaptureRegion::new(offset, length);
        // What the head has of it, if nothing between the head and now is needed.
        region.feed(0, self.head.bytes());
        let missed = !region.is_complete()
            && offset.saturating_add(region.bytes().len() as u64) < self.position;
        if missed {
            return false;
        }
        self.captures.push(region);
        true
    }
}
