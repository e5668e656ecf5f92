//! The next bytes of a disk, as one unit of work: a run of zeros, or one buffer of data.

use crate::buffers::OutputBuffer;
use crate::error::ConvertError;
use crate::input::{Input, Reuse};
use crate::read::{CompressedCluster, Content, Extent, Layout};
use crate::workers::{PlacedCluster, Task};

/// Shorter runs of zeros between data are written into the buffer.
const MIN_ZEROS: u64 = 64 << 10;

/// Extents that are joined into one run of zeros at most, so that a step has an end.
const MAX_JOINED: usize = 1 << 16;

/// A unit of work.
pub(crate) enum Unit {
    /// Zeros, in holes of the disk or written.
    Zeros { length: u64, is_hole: bool },
    /// Data in a buffer. `task` may still have to decompress parts of it.
    Data { length: usize, task: Task },
    /// A compressed cluster that is larger than a buffer.
    Large { cluster: CompressedCluster, length: u64 },
}

/// The position in a disk.
pub(crate) struct Planner {
    layout: Box<dyn Layout>,
    /// The next byte of the disk.
    at: u64,
    /// An error after the bytes of the last unit.
    failure: Option<ConvertError>,
}

impl Planner {
    pub(crate) fn new(layout: Box<dyn Layout>) -> Self {
        Planner { layout, at: 0, failure: None }
    }

    pub(crate) fn layout(&self) -> &dyn Layout {
        &*self.layout
    }

    pub(crate) fn restart(&mut self) {
        self.layout.restart();
        self.at = 0;
        self.failure = None;
    }

    pub(crate) fn finish(&mut self, input: &mut dyn Input) -> Result<(), ConvertError> {
        self.layout.finish(input)
    }

    /// Whether all of the disk is planned.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.layout.size()
    }

    /// The extent at the current position, which ends with the disk.
    pub(crate) fn extent(&mut self, input: &mut dyn Input) -> Result<Extent, ConvertError> {
        let extent = self.layout.extent(self.at, input)?;
        let length = extent.length.min(self.layout.size() - self.at);
        Ok(Extent { length, ..extent })
    }

    /// The current position, in bytes of the disk.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Moves to a position in the disk. Only with random access.
    pub(crate) fn go_to(&mut self, at: u64) {
        self.at = at;
    }

    /// Moves on by `length` bytes.
    pub(crate) fn skip(&mut self, length: u64) {
        self.at = self.at.saturating_add(length).min(self.layout.size());
    }

    /// Plans the next unit. Stored data is read. `take` returns the buffer if one is needed.
    ///
    /// Returns none if there is no buffer; nothing is planned then.
    pub(crate) fn next(
        &mut self,
        input: &mut dyn Input,
        capacity: usize,
        spare: &mut Vec<Vec<u8>>,
        take: impl FnOnce() -> Option<OutputBuffer>,
    ) -> Result<Option<Unit>, ConvertError> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        let first = self.extent(input)?;
        match first.content {
            Content::Hole | Content::Zero => return self.zeros(first, input).map(Some),
            Content::Compressed(cluster) if cluster.unpacked > capacity as u64 => {
                self.skip(first.length);
                return Ok(Some(Unit::Large { cluster, length: first.length }));
            }
            _ => {}
        }
        let Some(buffer) = take() else { return Ok(None) };
        self.data(first, input, buffer, spare.pop().unwrap_or_default()).map(Some)
    }

    /// Joins extents of zeros of the same kind.
    fn zeros(&mut self, first: Extent, input: &mut dyn Input) -> Result<Unit, ConvertError> {
        let mut length = first.length;
        self.skip(first.length);
        for _ in 0..MAX_JOINED {
            if self.is_at_end() {
                break;
            }
            let Some(next) = self.following(input) else { break };
            if next.content != first.content {
                break;
            }
            length += next.length;
            self.skip(next.length);
        }
        Ok(Unit::Zeros { length, is_hole: first.content == Content::Hole })
    }

    /// The next extent. An error is kept for the next unit, after the bytes before it.
    fn following(&mut self, input: &mut dyn Input) -> Option<Extent> {
        match self.extent(input) {
            Ok(extent) => Some(extent),
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }

    /// Fills a buffer with data, and with short runs of zeros between.
    fn data(
        &mut self,
        first: Extent,
        input: &mut dyn Input,
        buffer: OutputBuffer,
        stored: Vec<u8>,
    ) -> Result<Unit, ConvertError> {
        let mut filling = Filling::new(buffer, stored);
        let mut next = Some(first);
        while let Some(extent) = next.take() {
            let Some(length) = filling.add(extent) else { break };
            self.skip(length);
            if length < extent.length || self.is_at_end() {
                break;
            }
            next = self.following(input);
        }
        filling.read(input)
    }
}

/// A buffer that is being filled.
struct Filling {
    buffer: OutputBuffer,
    filled: usize,
    reads: Vec<StoredRun>,
    clusters: Vec<CompressedRun>,
    stored: Vec<u8>,
}

/// Contiguous bytes of the image that are contiguous in the disk, too.
struct StoredRun {
    host: u64,
    to: usize,
    length: usize,
}

/// Compressed clusters without gaps between them in the image.
struct CompressedRun {
    host: u64,
    end: u64,
    clusters: Vec<(CompressedCluster, usize, usize)>,
}

impl Filling {
    fn new(buffer: OutputBuffer, stored: Vec<u8>) -> Self {
        Filling { buffer, filled: 0, reads: Vec::new(), clusters: Vec::new(), stored }
    }

    /// Adds the start of an extent, and returns the number of its bytes that fit; none if the extent does not
    /// belong into the buffer.
    fn add(&mut self, extent: Extent) -> Option<u64> {
        let left = self.buffer.space().len() - self.filled;
        let length = usize::try_from(extent.length).unwrap_or(usize::MAX);
        let fitting = length.min(left);
        let to = self.filled;
        match extent.content {
            _ if left == 0 => return None,
            Content::Hole | Content::Zero => {
                if extent.length >= MIN_ZEROS || length > left {
                    return None;
                }
                self.buffer.space().get_mut(to..to + length)?.fill(0);
            }
            Content::Stored(host) => match self.reads.last_mut() {
                Some(run)
                    if run.to + run.length == to
                        && run.host.checked_add(run.length as u64) == Some(host) =>
                {
                    run.length += fitting;
                }
                _ => self.reads.push(StoredRun { host, to, length: fitting }),
            },
            Content::Compressed(cluster) => {
                let is_too_long = self.stored_bytes() + cluster.stored > self.most_stored();
                if length > left || (to > 0 && is_too_long) {
                    return None;
                }
                self.add_cluster(cluster, to, length);
            }
        }
        self.filled += fitting;
        Some(fitting as u64)
    }

    fn add_cluster(&mut self, cluster: CompressedCluster, to: usize, length: usize) {
        let end = cluster.host.saturating_add(cluster.stored);
        let placed = (cluster, to, length);
        match self.clusters.last_mut() {
            Some(run) if run.host <= cluster.host && cluster.host <= run.end => {
                run.end = run.end.max(end);
                run.clusters.push(placed);
            }
            _ => self.clusters.push(CompressedRun {
                host: cluster.host,
                end,
                clusters: vec![placed],
            }),
        }
    }

    /// Bytes of the image to be decompressed.
    fn stored_bytes(&self) -> u64 {
        self.clusters.iter().map(|run| run.end - run.host).sum()
    }

    /// The maximum for that. A single cluster may need more: its stream is at most two clusters long.
    fn most_stored(&mut self) -> u64 {
        self.buffer.space().len() as u64
    }

    /// Reads everything, in the order of the disk.
    fn read(mut self, input: &mut dyn Input) -> Result<Unit, ConvertError> {
        for run in &self.reads {
            let space = self.buffer.space().get_mut(run.to..run.to + run.length);
            let space = space.unwrap_or_default();
            let count = input.read(run.host, space, Reuse::None)?;
            if count < run.length {
                return Err(ConvertError::truncated("data", run.host, run.length as u64));
            }
        }
        let mut placed = Vec::new();
        let mut at = 0;
        for run in &self.clusters {
            let size = input.size().unwrap_or(u64::MAX);
            let length = run.end.min(size).saturating_sub(run.host);
            let length = usize::try_from(length).unwrap_or_default();
            if self.stored.len() < at + length {
                self.stored.resize(at + length, 0);
            }
            let space = self.stored.get_mut(at..at + length).unwrap_or_default();
            let count = input.read(run.host, space, Reuse::Edges)?;
            for &(cluster, to, length) in &run.clusters {
                let offset = usize::try_from(cluster.host - run.host).unwrap_or(usize::MAX);
                let there = (count.saturating_sub(offset) as u64).min(cluster.stored);
                let available = usize::try_from(there).unwrap_or_default();
                let from = at.saturating_add(offset);
                placed.push(PlacedCluster { cluster, from, available, to, length });
            }
            at += count;
        }
        let Filling { buffer, filled, stored, .. } = self;
        Ok(Unit::Data { length: filled, task: Task { stored, clusters: placed, buffer } })
    }
}
