//! A pass over the raw source: the clusters that have data, compressed, in the order of the disk.
//!
//! The calling thread reads, the [`Compressors`] compress. The clusters between the two are bounded.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use bytes::Bytes;
use crossbeam_channel::Receiver;
use imgpush_digest::{Algorithm, Busy, Digests, MultiHasher};
use imgpush_source::pool::{CHUNK_BYTES, Pool};
use imgpush_source::{Chunk, Source, SourceError, SourceTimes};

use super::compressors::{Compressors, EncodedCluster, JobResult};
use super::cutter::{Cutter, RawCluster};
use super::error::WriteError;
use super::fingerprint::Fingerprint;
use super::options::WriteOptions;

/// Bytes of data that are read but not taken.
const WINDOW_BYTES: u64 = 12 << 20;

/// Buffers for reading. A chunk in the window fills at least half of its buffer; shorter ones are copied.
/// One more is being read, and one can be partly in the window.
const BUFFERS: usize = 2 * (WINDOW_BYTES as usize / CHUNK_BYTES) + 2;

/// Bytes of a job, unless a cluster is larger: enough that the threads rarely wait for each other.
const JOB_BYTES: usize = 128 << 10;

/// A pass over a source.
pub(super) struct Pipeline {
    source: Box<dyn Source>,
    /// Own buffers: those in the window are released only by further calls, so a small pool of the caller
    /// could run out of buffers.
    pool: Pool,
    compressors: Compressors,
    clusters_per_job: usize,
    cluster_bytes: usize,
    hasher: Option<MultiHasher>,
    busy: Busy,
    pass: PassState,
}

/// The result of a pass. Two passes over the same bytes have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PassSummary {
    /// Bytes of the source.
    pub(super) bytes: u64,
    /// That of its clusters.
    pub(super) fingerprint: Fingerprint,
}

/// The state of one pass.
struct PassState {
    cutter: Cutter,
    /// Bytes of the source that were read.
    read: u64,
    /// Those of them that were data.
    data: u64,
    jobs: VecDeque<PendingJob>,
    ready: VecDeque<EncodedCluster>,
    is_at_end: bool,
    fingerprint: Fingerprint,
}

struct PendingJob {
    result: Receiver<JobResult>,
    /// Bytes of data before its chunk.
    data: u64,
}

impl PassState {
    fn new(cluster_bytes: usize) -> Self {
        PassState {
            cutter: Cutter::new(cluster_bytes),
            read: 0,
            data: 0,
            jobs: VecDeque::new(),
            ready: VecDeque::new(),
            is_at_end: false,
            fingerprint: Fingerprint::default(),
        }
    }
}

impl Pipeline {
    /// Starts a pass over a source that has not been read.
    pub(super) fn new(source: Box<dyn Source>, options: &WriteOptions) -> Result<Self, WriteError> {
        options.check()?;
        let compressors = Compressors::new(options).map_err(|error| SourceError::NoThread {
            name: source.name().to_owned(),
            source: error,
        })?;
        let cluster_bytes = usize::try_from(options.cluster_bytes).unwrap_or(usize::MAX);
        Ok(Pipeline {
            source,
            pool: Pool::new(BUFFERS, CHUNK_BYTES),
            compressors,
            clusters_per_job: (JOB_BYTES / cluster_bytes).max(1),
            cluster_bytes,
            hasher: None,
            busy: Busy::default(),
            pass: PassState::new(cluster_bytes),
        })
    }

    pub(super) fn source(&self) -> &dyn Source {
        &*self.source
    }

    pub(super) fn source_mut(&mut self) -> &mut dyn Source {
        &mut *self.source
    }

    /// Ends the threads that compress, and returns the source.
    pub(super) fn into_source(self) -> Box<dyn Source> {
        self.source
    }

    /// Starts to hash the bytes of the source. Call it before the first one is read.
    pub(super) fn hash(&mut self, algorithms: &[Algorithm]) {
        if !algorithms.is_empty() {
            let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            let hasher = MultiHasher::new(algorithms.iter().copied(), threads);
            self.busy = hasher.busy();
            self.hasher = Some(hasher);
        }
    }

    /// The digests of the source, once it is read completely.
    pub(super) fn digests(&mut self) -> Digests {
        self.hasher.take().map(MultiHasher::finish).unwrap_or_default()
    }

    /// The times of the source, and of hashing its bytes here.
    pub(super) fn times(&mut self) -> SourceTimes {
        let mut times = self.source.times();
        times.hash += self.busy.time();
        times
    }

    /// What was read in this pass so far.
    pub(super) fn summary(&self) -> PassSummary {
        PassSummary { bytes: self.pass.read, fingerprint: self.pass.fingerprint }
    }

    /// Begins another pass.
    pub(super) fn restart(&mut self) -> Result<(), WriteError> {
        let name = self.source.name().to_owned();
        let source = self.source.rewind().ok_or(WriteError::ReadOnce { name })?;
        source.to_start()?;
        self.hasher = None;
        self.pass = PassState::new(self.cluster_bytes);
        Ok(())
    }

    /// The next cluster; none at the end. `progress` is called with the bytes of the source that were read.
    pub(super) fn next(
        &mut self,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Option<EncodedCluster>, WriteError> {
        loop {
            while !self.pass.is_at_end && self.window() < WINDOW_BYTES {
                self.read()?;
                progress(self.pass.read);
            }
            if let Some(cluster) = self.pass.ready.pop_front() {
                self.pass.fingerprint.add(cluster.index, cluster.checksum);
                return Ok(Some(cluster));
            }
            let Some(job) = self.pass.jobs.pop_front() else { return Ok(None) };
            let result = job.result.recv().map_err(|_| self.panicked())?;
            let clusters = result.map_err(|source| WriteError::Compress {
                name: self.source.name().to_owned(),
                source,
            })?;
            self.pass.ready = clusters.into();
        }
    }

    /// Bytes of data that were read, and are in a job that was not taken.
    fn window(&self) -> u64 {
        self.pass.jobs.front().map_or(0, |job| self.pass.data - job.data)
    }

    /// Reads a chunk, and starts the jobs for its clusters.
    fn read(&mut self) -> Result<(), WriteError> {
        let chunk = self.source.next_chunk(&self.pool)?;
        let before = self.pass.data;
        let mut found = Vec::new();
        let mut add = |cluster: RawCluster| found.push(cluster);
        match chunk {
            None => {
                self.pass.is_at_end = true;
                self.pass.cutter.finish(&mut add);
            }
            Some(chunk) => {
                if let Some(hasher) = &mut self.hasher {
                    chunk.slices().for_each(|slice| hasher.update(&slice));
                }
                self.pass.read += chunk.len();
                if !chunk.is_zeros() {
                    self.pass.data += chunk.len();
                }
                self.pass.cutter.add(compact(chunk), &mut add);
            }
        }
        let mut found = found.into_iter().peekable();
        while found.peek().is_some() {
            let clusters = found.by_ref().take(self.clusters_per_job).collect();
            let result = self.compressors.submit(clusters);
            self.pass.jobs.push_back(PendingJob { result, data: before });
        }
        Ok(())
    }

    fn panicked(&self) -> SourceError {
        SourceError::Panicked {
            name: self.source.name().to_owned(),
            reason: "a thread that compresses panicked".to_owned(),
        }
    }
}

/// A short chunk with its own memory, which releases its buffer.
fn compact(chunk: Chunk) -> Chunk {
    match chunk {
        Chunk::Data(bytes) if bytes.len() < CHUNK_BYTES / 2 => {
            Chunk::Data(Bytes::copy_from_slice(&bytes))
        }
        other => other,
    }
}
