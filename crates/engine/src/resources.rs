//! Buffers and hashers of pushes and downloads. A single job has its own; the jobs of a batch share them.
//!
//! `push`, `pull` and `batch` create a [`JobResources`] for each job. All buffers of a process stay within
//! its memory limit.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Busy, Digests, LaneStream, Lanes, MultiHasher};
use imgpush_source::Chunk;
use imgpush_source::pool::{CHUNK_BYTES, OVERHEAD_BYTES, Pool};

/// The default memory limit of a process.
pub(crate) const DEFAULT_MEMORY_BYTES: u64 = 64 << 20;

/// The memory and the hashers that one job may use.
#[derive(Clone, Debug)]
pub(crate) struct JobResources {
    buffer_bytes: u64,
    /// Bytes of a buffer for pushes.
    push_chunk_bytes: usize,
    hashing: Hashing,
}

impl JobResources {
    /// Resources of a job that runs alone in the process.
    pub(crate) fn within(memory_bytes: u64) -> Self {
        JobResources::divided(memory_bytes, None, 1)
    }

    /// Resources of each of N jobs, which share the memory of the process.
    pub(crate) fn divided(memory_bytes: u64, push_chunk_bytes: Option<usize>, jobs: usize) -> Self {
        let buffer_bytes = memory_bytes.saturating_sub(OVERHEAD_BYTES) / jobs.max(1) as u64;
        let usual = || self::push_chunk_bytes(buffer_bytes, jobs);
        JobResources {
            buffer_bytes,
            push_chunk_bytes: push_chunk_bytes.unwrap_or_else(usual),
            hashing: Hashing::of(jobs),
        }
    }

    /// Buffers and hashers for consecutive pushes.
    pub(crate) fn for_pushes(&self) -> TransferResources {
        self.transfer_resources(self.push_chunk_bytes)
    }

    /// Buffers and hashers for one download, or for reading a file. The buffers are large, because one range
    /// request of a download fills several of them.
    pub(crate) fn for_download(&self) -> TransferResources {
        self.transfer_resources(chunk_bytes(self.buffer_bytes, CHUNK_BYTES))
    }

    fn transfer_resources(&self, chunk_bytes: usize) -> TransferResources {
        let pool = Pool::dealt(self.buffer_bytes, chunk_bytes);
        TransferResources { pool, hashing: self.hashing.clone() }
    }
}

/// The size of a buffer, at most `most`, that leaves a job several buffers: the tail, the one being filled,
/// those being hashed, and a queue for the network.
fn chunk_bytes(buffer_bytes: u64, most: usize) -> usize {
    let share = usize::try_from(buffer_bytes / CHUNKS_PER_JOB).unwrap_or(most).max(1);
    // Round down to a power of two.
    let share = 1 << share.ilog2();
    share.clamp(LEAST_CHUNK_BYTES.min(most), most)
}

/// The size of a buffer of a push, with this number of concurrent jobs.
pub(crate) fn push_chunk_bytes(buffer_bytes: u64, jobs: usize) -> usize {
    chunk_bytes(buffer_bytes, if jobs > 1 { SHARED_CHUNK_BYTES } else { CHUNK_BYTES })
}

/// With this size, the chunks of concurrent pushes stay in the second-level cache until they are hashed.
const SHARED_CHUNK_BYTES: usize = 256 << 10;

/// Smaller buffers save little memory and cost more calls.
const LEAST_CHUNK_BYTES: usize = 64 << 10;

const CHUNKS_PER_JOB: u64 = 8;

/// Buffers and hashers for one transfer at a time.
#[derive(Clone, Debug)]
pub(crate) struct TransferResources {
    pub(crate) pool: Pool,
    pub(crate) hashing: Hashing,
}

/// Creates hashers for one stream, or for many concurrent streams. Clones share the threads of a service.
#[derive(Clone, Debug)]
pub(crate) enum Hashing {
    /// The algorithms of a stream are distributed over this number of cores.
    Alone(NonZeroUsize),
    /// The streams that have data waiting are hashed side by side, in the lanes of the SIMD registers.
    Lanes(Lanes),
}

impl Hashing {
    /// For this number of concurrent streams, on all cores.
    pub(crate) fn of(streams: usize) -> Self {
        let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        if streams > 1 { Hashing::Lanes(Lanes::new(threads)) } else { Hashing::Alone(threads) }
    }

    /// Creates a hasher for one stream. Duplicate algorithms count once.
    pub(crate) fn hasher(&self, algorithms: impl IntoIterator<Item = Algorithm>) -> Hasher {
        match self {
            Hashing::Alone(threads) => Hasher::Alone(MultiHasher::new(algorithms, *threads)),
            Hashing::Lanes(lanes) => Hasher::Lane(lanes.stream(algorithms)),
        }
    }
}

/// The hasher of one stream. Its calls block the thread; do not call them from async tasks.
#[derive(Debug)]
pub(crate) enum Hasher {
    Alone(MultiHasher),
    Lane(LaneStream),
}

impl Hasher {
    /// Adds the next bytes. Blocks while the hasher has a backlog.
    pub(crate) fn update(&mut self, chunk: &Chunk) {
        chunk.slices().for_each(|slice| self.update_slice(&slice));
    }

    fn update_slice(&mut self, slice: &Bytes) {
        match self {
            Hasher::Alone(hasher) => hasher.update(slice),
            Hasher::Lane(stream) => stream.update(slice),
        }
    }

    /// The time spent hashing, shared with the hasher.
    pub(crate) fn busy(&self) -> Busy {
        match self {
            Hasher::Alone(hasher) => hasher.busy(),
            Hasher::Lane(stream) => stream.busy(),
        }
    }

    /// Waits for the hasher, and returns the digests of all bytes in the order of the algorithms.
    pub(crate) fn finish(self) -> Digests {
        match self {
            Hasher::Alone(hasher) => hasher.finish(),
            Hasher::Lane(stream) => stream.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_share_the_memory() {
        for (mib, jobs, pushes, downloads) in [
            (64, 1, (32, 1024), (32, 1024)),
            (64, 2, (8, 256), (18, 1024)),
            (64, 4, (8, 256), (9, 1024)),
            (64, 8, (8, 256), (8, 512)),
            (64, 16, (8, 256), (8, 256)),
            (64, 32, (8, 128), (8, 128)),
            (64, 100, (5, 64), (5, 64)),
            (32, 8, (8, 64), (8, 64)),
            (0, 3, (4, 64), (4, 64)),
        ] {
            let resources = JobResources::divided(mib << 20, None, jobs);
            let shape = |transfer_resources: TransferResources| {
                (transfer_resources.pool.chunks(), transfer_resources.pool.chunk_bytes() >> 10)
            };
            assert_eq!(shape(resources.for_pushes()), pushes, "{mib} {jobs}");
            assert_eq!(shape(resources.for_download()), downloads, "{mib} {jobs}");
        }
    }
}
