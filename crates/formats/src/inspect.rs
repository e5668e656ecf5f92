//! The interface of a format: an [`Inspector`] examines a [`Stream`] and returns its result, [`Seen`].

use crate::detail::Details;
use crate::finding::{Finding, FindingId};
use crate::on_disk::{SECTOR, first};
use crate::region::{CaptureRegion, HEAD_BYTES, TAIL_BYTES};

/// One format.
///
/// A new format is a file with an implementation of this trait and a line in the table in `format`.
pub(crate) trait Inspector: Sync {
    /// Judges the stream; `None` without its magic.
    ///
    /// A missing part of the stream was not read, or is after the end.
    fn inspect(&self, stream: &Stream<'_>) -> Option<Seen>;

    /// Offset and length of another part of the stream to keep. It is called when the head is complete, and
    /// again after each part, with the number of parts requested so far.
    ///
    /// A stream cannot go back: a part that starts before the current position is lost, unless it is in the
    /// head. All parts together are truncated to one MiB.
    fn wants(&self, stream: &Stream<'_>, asked: usize) -> Option<(u64, u64)> {
        let _ = (stream, asked);
        None
    }
}

/// The parts of a stream that were kept.
pub(crate) struct Stream<'a> {
    pub(crate) head: &'a [u8],
    pub(crate) captures: &'a [CaptureRegion],
    /// The last bytes, if the end was seen.
    pub(crate) tail: Option<&'a [u8]>,
    /// Bytes of the complete stream, if known.
    pub(crate) length: Option<u64>,
    /// Whether a part was requested only after it had passed.
    pub(crate) has_missed_a_part: bool,
}

impl<'a> Stream<'a> {
    /// The bytes at an absolute offset, if they were kept.
    pub(crate) fn at(&self, offset: u64, length: usize) -> Option<&'a [u8]> {
        let within = |start: u64, bytes: &'a [u8]| {
            let skip = usize::try_from(offset.checked_sub(start)?).ok()?;
            bytes.get(skip..skip.checked_add(length)?)
        };
        let kept = self.captures.iter().map(|region| (region.offset(), region.bytes()));
        let end = self.tail.zip(self.length);
        let end =
            end.and_then(|(tail, length)| Some((length.checked_sub(tail.len() as u64)?, tail)));
        std::iter::once((0, self.head)).chain(kept).chain(end).find_map(|(at, b)| within(at, b))
    }

    /// The kept contiguous bytes from `offset` on, at most `length`.
    pub(crate) fn from(&self, offset: u64, length: usize) -> &'a [u8] {
        let kept = self.captures.iter().map(|region| (region.offset(), region.bytes()));
        std::iter::once((0, self.head))
            .chain(kept)
            .filter_map(|(start, bytes)| {
                let skip = usize::try_from(offset.checked_sub(start)?).ok()?;
                Some(first(bytes.get(skip..)?, length))
            })
            .max_by_key(|bytes| bytes.len())
            .unwrap_or_default()
    }

    /// The first `N` bytes, at most a sector, as qemu reads them: if the file ends within its last sector,
    /// the rest is zeros. `None` if not all were seen and the stream continues.
    pub(crate) fn header<const N: usize>(&self) -> Option<[u8; N]> {
        if self.head.len() < N && self.has_cut_head() {
            return None;
        }
        let mut header = [0; N];
        header.iter_mut().zip(self.head).for_each(|(to, from)| *to = *from);
        Some(header)
    }

    /// `N` bytes that start `distance` before the end, as qemu computes it: rounded up to complete sectors
    /// and padded with zeros. `None` if the end was not seen.
    pub(crate) fn near_end<const N: usize>(&self, distance: u64) -> Option<[u8; N]> {
        let length = self.length?;
        self.tail?;
        let offset = length.checked_next_multiple_of(SECTOR)?.checked_sub(distance)?;
        let there = usize::try_from(length.saturating_sub(offset)).ok()?.min(N);
        let mut bytes = [0; N];
        bytes.get_mut(..there)?.copy_from_slice(self.at(offset, there)?);
        Some(bytes)
    }

    /// Whether the stream continues within [`HEAD_BYTES`] after the seen part of its start, so that a magic
    /// may follow.
    pub(crate) fn has_cut_head(&self) -> bool {
        let seen = self.head.len();
        seen < HEAD_BYTES && self.length.is_none_or(|length| length > seen as u64)
    }

    /// Whether all of the last [`TAIL_BYTES`] were seen.
    pub(crate) fn has_end(&self) -> bool {
        let (Some(tail), Some(length)) = (self.tail, self.length) else { return false };
        tail.len() as u64 >= length.min(TAIL_BYTES as u64)
    }

    /// Whether all required parts were seen: the start, the parts that it refers to, and the end.
    pub(crate) fn is_complete(&self) -> bool {
        let has_parts = self.captures.iter().all(|part| {
            part.is_complete() || self.length.is_some_and(|end| part.missing().start >= end)
        });
        !self.has_cut_head() && has_parts && !self.has_missed_a_part && self.has_end()
    }

    /// Whether a part ends after the end of the stream, if the end is known.
    pub(crate) fn lacks(&self, end: Option<u64>) -> bool {
        self.length.is_some_and(|length| end.is_none_or(|end| end > length))
    }
}

/// The reason for refusing a stream that ends within its header.
pub(crate) const CUT_OFF: &str = "the header is truncated";

/// The result of a format for a stream with its magic.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Offset and length of the magic.
    pub(crate) magic: (u64, usize),
    /// The variant, as the format names it.
    pub(crate) variant: Option<String>,
    pub(crate) virtual_size: Option<u64>,
    /// Whether qemu detects this format.
    pub(crate) is_probed: bool,
    /// Whether the magic is at the end, so that the start may contain anything.
    pub(crate) is_trailer: bool,
    pub(crate) findings: Vec<Finding>,
    /// Details for a reader; no verdict depends on them.
    pub(crate) details: Details,
}

impl Seen {
    /// A magic that qemu detects as well.
    pub(crate) fn new(offset: u64, length: usize) -> Self {
        let magic = (offset, length);
        Seen {
            magic,
            variant: None,
            virtual_size: None,
            is_probed: true,
            is_trailer: false,
            findings: Vec::new(),
            details: Details::default(),
        }
    }

    /// A magic that qemu does not detect.
    pub(crate) fn unprobed(offset: u64, length: usize) -> Self {
        Seen { is_probed: false, ..Seen::new(offset, length) }
    }

    /// A magic at the end, which qemu does not detect either.
    pub(crate) fn trailer(offset: u64, length: usize) -> Self {
        Seen { is_trailer: true, ..Seen::unprobed(offset, length) }
    }

    pub(crate) fn of(mut self, variant: impl Into<String>) -> Self {
        self.variant = Some(variant.into());
        self
    }

    pub(crate) fn with(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// Refuses a stream that ends within the header, but not if the rest was only not seen.
    pub(crate) fn cut_off(mut self, stream: &Stream<'_>) -> Self {
        self.refuse(!stream.has_cut_head(), 0, CUT_OFF);
        self
    }

    /// Adds a reason for which qemu does not open the image.
    pub(crate) fn refuse(&mut self, is_wrong: bool, offset: u64, text: impl Into<String>) {
        if is_wrong {
            let finding = Finding::fatal(FindingId::CorruptHeader, offset, text);
            self.findings.push(finding.stopping_qemu());
        }
    }

    /// Adds a warning.
    pub(crate) fn warn(
        &mut self,
        is_so: bool,
        id: FindingId,
        offset: u64,
        text: impl Into<String>,
    ) {
        if is_so {
            self.findings.push(Finding::warning(id, offset, text));
        }
    }
}
