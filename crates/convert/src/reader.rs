//! A virtual disk as a source of its bytes.
//!
//! One call of [`next_chunk`](Source::next_chunk) plans units of work until there is enough to do for the
//! threads that decompress, and delivers the first one. Units are delivered in the order of the disk.

use std::collections::VecDeque;

use crossbeam_channel::Receiver;
use imgpush_digest::{Algorithm, Digests};
use imgpush_formats::{Format, Inspection};
use imgpush_source::bytes::Bytes;
use imgpush_source::{
    Chunk, Compressed, Pool, Provenance, Published, ReadAt, Rewind, Source, SourceError,
    SourceTimes, is_address,
};

use crate::buffers::Buffers;
use crate::error::{ConvertError, RefusalReason};
use crate::estimate;
use crate::input::{Forward, Input, Random};
use crate::large::LargeCluster;
use crate::options::{ReadOptions, Strategy};
use crate::plan::{Planner, Unit};
use crate::read::{inspect, open, open_stream};
use crate::survey::Survey;
use crate::workers::{Finished, Workers};
use crate::write::{WriteError, WriteOptions};

/// The largest cluster that is decompressed at once: that of a qcow2. Buffers are at least as large as the
/// clusters of an image up to this.
const MAX_AT_ONCE: u64 = 2 << 20;

/// The minimum size of a buffer.
const MIN_BUFFER_BYTES: usize = 64 << 10;

/// The minimum number of buffers.
const MIN_BUFFERS: usize = 4;

/// Buffers that are in use while clusters are decompressed ahead. More only wait.
const USUAL_BUFFERS: usize = 12;

/// Bytes of one request to a server.
const READ_AHEAD_BYTES: usize = 4 << 20;

/// Units that are planned ahead. Only those with data need buffers.
const MAX_QUEUED: usize = 64;

/// The bytes of the disk in an image, as a source around the source of the image.
///
/// Its size is known before the first byte. It can be rewound if the source can. Checksums and signatures of
/// the image cover the bytes of the source, not these. With random access they are verified by a pass over the
/// image before the first chunk, which [`ReadOptions::one_pass`] saves; otherwise by
/// [`finish`](Source::finish).
///
/// Chunks are in buffers of its own, of [`Pool::chunk_bytes`] or of a cluster, whichever is larger. Reading
/// ahead uses at most 12 of them and at most the memory of the pool; there are more, up to the number of those
/// of the pool, only while the consumer holds as many. With compressed clusters and tables, 12 buffers of 1 MiB
/// need at most 40 MiB.
pub struct Converted {
    name: String,
    input: Box<dyn Input>,
    planner: Planner,
    inspection: Inspection,
    strategy: Strategy,
    size: u64,
    /// None before the first chunk.
    buffers: Option<Buffers>,
    workers: Workers,
    queue: VecDeque<Step>,
    /// Memory of compressed clusters that were decompressed.
    spare: Vec<Vec<u8>>,
    published: Vec<Published>,
    has_failed: bool,
}

/// A planned unit.
enum Step {
    Zeros { left: u64, is_hole: bool },
    Data(Bytes),
    Pending { length: usize, result: Receiver<Finished> },
    Large(Box<LargeCluster>),
    Failed(ConvertError),
}

impl Converted {
    /// Opens the virtual disk in a source that has not been read. If the source expects a checksum and has random
    /// access, this reads all of it.
    ///
    /// # Errors
    ///
    /// The image is refused, its headers are damaged, or it is no virtual disk in a supported format.
    pub fn new(source: Box<dyn Source>, options: &ReadOptions) -> Result<Self, ConvertError> {
        let published = source.published().to_vec();
        let read_ahead = options.read_ahead_bytes.unwrap_or_else(|| {
            if is_address(std::path::Path::new(source.name())) { READ_AHEAD_BYTES } else { 0 }
        });
        // With a spool one pass is always enough.
        let one_pass = options.one_pass || options.spool.is_some() && !source.wants().is_empty();
        let random = if one_pass { Err(source) } else { Random::new(source, read_ahead) };
        let (mut input, is_random): (Box<dyn Input>, bool) = match random {
            Ok(mut random) => {
                random.verify()?;
                (Box::new(random), true)
            }
            Err(source) => {
                let spool = options.spool.clone();
                (Box::new(Forward::new(source, options.hold_bytes, spool)), false)
            }
        };
        let inspection = inspect(&mut *input, is_random)?;
        expect(&inspection, options.format, is_random)?;
        let stream = if is_random { None } else { open_stream(&inspection, &mut *input)? };
        let strategy = match (is_random, &stream) {
            (true, _) => Strategy::Random,
            (false, None) => Strategy::Forward,
            (false, Some(_)) => Strategy::Markers,
        };
        let layout = match stream {
            Some(layout) => layout,
            None => open(&inspection, &mut *input)?,
        };
        Ok(Converted {
            name: input.source().name().to_owned(),
            size: layout.size(),
            planner: Planner::new(layout),
            input,
            inspection,
            strategy,
            buffers: None,
            workers: Workers::default(),
            queue: VecDeque::new(),
            spare: Vec::new(),
            published: of_image(&published),
            has_failed: false,
        })
    }

    /// Returns how the image is read. That it is spooled is known only once the limit is exceeded.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        match self.strategy {
            Strategy::Forward if self.input.is_spooled() => Strategy::Spooled,
            strategy => strategy,
        }
    }

    /// Returns the format of the image.
    #[must_use]
    pub fn format(&self) -> Format {
        self.inspection.format
    }

    /// Returns the inspection of the image. Without random access it is incomplete.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// Examines the tables of the disk, without reading its data; none without random access. A disk with more
    /// than `most_extents` is examined partly: a fully allocated qcow2 has 16 million for each TiB.
    ///
    /// Call it before the first chunk is read.
    ///
    /// # Errors
    ///
    /// A table cannot be read, an entry is invalid, or refers to data after the end of the image.
    pub fn survey(&mut self, most_extents: u64) -> Result<Option<Survey>, ConvertError> {
        if self.strategy != Strategy::Random {
            return Ok(None);
        }
        let survey = Survey::of(&mut self.planner, &mut *self.input, most_extents);
        self.planner.restart();
        survey.map(Some)
    }

    /// Estimates the size of a qcow2 with the disk; none if the survey is incomplete, or the qcow2 would exceed
    /// a limit of its format.
    ///
    /// Clusters that are compressed in the image count with their size there, which is near that of zlib. From
    /// the others at most 64 MiB are read, at equal distances, and compressed as for the qcow2.
    ///
    /// Call it before the first chunk is read.
    ///
    /// # Errors
    ///
    /// The image cannot be read, or the options are invalid.
    pub fn estimate_qcow2(
        &mut self,
        survey: &Survey,
        options: &WriteOptions,
    ) -> Result<Option<u64>, WriteError> {
        if self.strategy != Strategy::Random || survey.examined < self.size {
            return Ok(None);
        }
        let size = estimate::qcow2_bytes(&mut self.planner, &mut *self.input, survey, options);
        self.planner.restart();
        size
    }

    fn next(&mut self, pool: &Pool) -> Result<Option<Chunk>, ConvertError> {
        let most = pool.chunk_bytes().max(1);
        loop {
            self.plan(pool);
            let (chunk, is_done) = match self.queue.front_mut() {
                None => return Ok(None),
                Some(Step::Zeros { left, is_hole }) => {
                    let length = (*left).min(most as u64);
                    *left -= length;
                    let chunk = if *is_hole { Chunk::Hole(length) } else { Chunk::Zero(length) };
                    (chunk, *left == 0)
                }
                Some(Step::Data(bytes)) => {
                    let chunk = bytes.split_to(bytes.len().min(most));
                    (Chunk::of(chunk), bytes.is_empty())
                }
                Some(Step::Pending { length, result }) => {
                    let lost = |_| ConvertError::damaged(0, "a thread that decompresses has ended");
                    let Finished { result, stored } = result.recv().map_err(lost)?;
                    let bytes = result?.into_bytes(*length);
                    self.spare.push(stored);
                    self.queue.pop_front();
                    self.queue.push_front(Step::Data(bytes));
                    continue;
                }
                Some(Step::Large(cluster)) => {
                    // It is the only unit, so that waiting for a buffer is safe.
                    let mut buffer = buffers(&mut self.buffers, pool, &self.planner).take();
                    let filled = cluster.fill(&mut *self.input, buffer.space())?;
                    if cluster.left() == 0 {
                        self.queue.pop_front();
                    }
                    self.queue.push_front(Step::Data(buffer.into_bytes(filled)));
                    continue;
                }
                Some(Step::Failed(_)) => match self.queue.pop_front() {
                    Some(Step::Failed(error)) => return Err(error),
                    _ => return Ok(None),
                },
            };
            if is_done {
                self.queue.pop_front();
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    /// Plans units: one, and more only while clusters are decompressed.
    fn plan(&mut self, pool: &Pool) {
        let buffers = buffers(&mut self.buffers, pool, &self.planner).clone();
        let is_last = |step: &Step| matches!(step, Step::Failed(_) | Step::Large(_));
        let mut is_pending = self.queue.iter().any(|step| matches!(step, Step::Pending { .. }));
        while !self.planner.is_at_end() && !self.queue.back().is_some_and(is_last) {
            let is_first = self.queue.is_empty();
            if !is_first && (!is_pending || self.queue.len() >= MAX_QUEUED) {
                return;
            }
            // While it holds buffers, it must not wait for one.
            let take = || if is_first { Some(buffers.take()) } else { buffers.try_take() };
            let capacity = buffers.bytes();
            let unit = self.planner.next(&mut *self.input, capacity, &mut self.spare, take);
            let step = match unit {
                Ok(None) => return,
                Ok(Some(unit)) => self.step(unit),
                Err(error) => Step::Failed(error),
            };
            is_pending |= matches!(step, Step::Pending { .. });
            self.queue.push_back(step);
        }
    }

    fn step(&mut self, unit: Unit) -> Step {
        match unit {
            Unit::Zeros { length, is_hole } => Step::Zeros { left: length, is_hole },
            Unit::Data { length, task } if task.clusters.is_empty() => {
                self.spare.push(task.stored);
                Step::Data(task.buffer.into_bytes(length))
            }
            Unit::Data { length, task } => {
                Step::Pending { length, result: self.workers.start(task) }
            }
            Unit::Large { cluster, length } => match LargeCluster::new(cluster, length) {
                Ok(cluster) => Step::Large(Box::new(cluster)),
                Err(error) => Step::Failed(error),
            },
        }
    }
}

/// The buffers, created for the pool of the first chunk: as many as its consumer may hold chunks.
fn buffers<'a>(buffers: &'a mut Option<Buffers>, pool: &Pool, planner: &Planner) -> &'a Buffers {
    buffers.get_or_insert_with(|| {
        let cluster = planner.layout().compressed_bytes().min(MAX_AT_ONCE);
        let cluster = usize::try_from(cluster).unwrap_or_default();
        let bytes = pool.chunk_bytes().max(cluster).max(MIN_BUFFER_BYTES);
        let usual = pool.chunks().saturating_mul(pool.chunk_bytes()) / bytes;
        let usual = usual.clamp(MIN_BUFFERS, USUAL_BUFFERS);
        Buffers::new(pool.chunks().max(usual), usual, bytes)
    })
}

/// Refuses an image whose format is not the expected one.
fn expect(
    inspection: &Inspection,
    expected: Option<Format>,
    has_end: bool,
) -> Result<(), ConvertError> {
    match expected {
        Some(Format::Vhd) if !has_end && inspection.format != Format::Vhd => {
            let text = "the size of a fixed VHD is in its footer, at the end of the pipe";
            Err(ConvertError::refused(RefusalReason::NeedsEnd, 0, text))
        }
        Some(expected) if expected != inspection.format => {
            let text =
                format!("it is expected as {expected}, but detected as {}", inspection.format);
            Err(ConvertError::refused(RefusalReason::Ambiguous, 0, text))
        }
        _ => Ok(()),
    }
}

/// The digests of an image, which are of other bytes than those of the disk.
fn of_image(published: &[Published]) -> Vec<Published> {
    let own = published.iter().filter(|one| !one.is_compressed).copied();
    own.map(|mut one| {
        one.is_compressed = true;
        one
    })
    .collect()
}

impl std::fmt::Debug for Converted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converted")
            .field("name", &self.name)
            .field("format", &self.format())
            .field("size", &self.size)
            .field("strategy", &self.strategy())
            .finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Source for Converted {
    fn name(&self) -> &str {
        &self.name
    }

    /// The name of the file with the image.
    fn file_name(&self) -> Option<String> {
        self.input.source().file_name()
    }

    fn image_name(&self) -> Option<String> {
        self.input.source().image_name()
    }

    /// The name of the file with the image, with the extension `.raw`.
    fn content_name(&self) -> Option<String> {
        let name = self.input.source().content_name()?;
        let stem = name.rsplit_once('.').map_or(&name[..], |(stem, _)| stem);
        Some(format!("{stem}.raw"))
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn stamp(&self) -> Option<String> {
        self.input.source().stamp().map(|stamp| format!("{stamp}, as raw"))
    }

    fn next_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>, SourceError> {
        let chunk = if self.has_failed {
            Err(ConvertError::damaged(0, "an earlier read failed"))
        } else {
            self.next(pool)
        };
        chunk.map_err(|error| {
            self.has_failed = true;
            error.into_source_error(&self.name)
        })
    }

    /// None: the algorithms of the source are for the bytes of the image.
    fn wants(&self) -> &[Algorithm] {
        &[]
    }

    fn check(&mut self) -> Result<(), SourceError> {
        self.input.source_mut().check()
    }

    /// Checks the source. One that is read once is read to its end, and verifies its checksums now; one with
    /// random access has verified them before the first chunk.
    fn finish(&mut self, _: &Digests) -> Result<(), SourceError> {
        self.planner.finish(&mut *self.input).map_err(|e| e.into_source_error(&self.name))?;
        self.input.finish()
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.input.source().provenance()
    }

    fn times(&mut self) -> SourceTimes {
        self.input.source_mut().times()
    }

    /// The digests of the image, as those of compressed bytes.
    fn published(&self) -> &[Published] {
        &self.published
    }

    /// None: the bytes of the image are not hashed by themselves.
    fn compressed(&mut self) -> Option<&mut dyn Compressed> {
        None
    }

    /// None: the disk is delivered in order.
    fn random_access(&mut self) -> Option<&mut dyn ReadAt> {
        None
    }

    fn rewind(&mut self) -> Option<&mut dyn Rewind> {
        self.input.source_mut().rewind().is_some().then_some(self)
    }
}

impl Rewind for Converted {
    fn to_start(&mut self) -> Result<(), SourceError> {
        self.queue.clear();
        self.planner.restart();
        self.has_failed = false;
        self.input.to_start().map_err(|error| error.into_source_error(&self.name))
    }
}
