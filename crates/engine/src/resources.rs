//! Buffers and hashers that pushes and downloads work with, their own or shared in a batch.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Busy, Digests, LaneStream, Lanes, MultiHasher};
use imgpush_source::Chunk;
use imgpush_source::pool::{CHUNK_BYTES, OVERHEAD_BYTES, Pool};

/// The memory of a process where nothing else is set.
pub(crate) const DEFAULT_MEMORY_BYTES: u64 = 64 << 20;

/// What one job may use: memory for buffers, and who hashes.
#[derive(Clone, Debug)]
pub(crate) struct JobResources {
    buffer_bytes: u64,
    /// Bytes of a buffer for pushes.
    push_chunk_bytes: usize,
    hashing: Hashing,
}

impl JobResources {
    /// Those of a job that has the process to itself.
    pub(crate) fn within(memory_bytes: u64) -> Self {
        JobResources::divided(memory_bytes, None, 1)
    }

    /// Those of each of N jobs, which share the memory of the process.
    pub(crate) fn divided(memory_bytes: u64, push_chunk_bytes: Option<usize>, jobs: usize) -> Self {
        let buffer_bytes = memory_bytes.saturating_sub(OVERHEAD_BYTES) / jobs.max(1) as u64;
        let usual = || self::push_chunk_bytes(buffer_bytes, jobs);
        JobResources {
            buffer_bytes,
            push_chunk_bytes: push_chunk_bytes.unwrap_or_else(usual),
            hashing: Hashing::of(jobs),
        }
    }

    /// Buffers and hashing for pushes, one after the other.
    pub(crate) fn for_pushes(&self) -> Workbench {
        self.bench(self.push_chunk_bytes)
    }

    /// Buffers and hashing for one download, or for reading a file. The buffers are large, since a request
    /// for a part of an image brings several of them.
    pub(crate) fn for_download(&self) -> Workbench {
        self.bench(chunk_bytes(self.buffer_bytes, CHUNK_BYTES))
    }

    fn bench(&self, chunk_bytes: usize) -> Workbench {
        let pool = Pool::dealt(self.buffer_bytes, chunk_bytes);
        Workbench { pool, hashing: self.hashing.clone() }
    }
}

/// The bytes of a buffer, at most `most`, with which a job has several: the tail, the one being filled, those
/// being hashed, and a queue for the network.
fn chunk_bytes(buffer_bytes: u64, most: usize) -> usize {
    let share = usize::try_from(buffer_bytes / CHUNKS_PER_JOB).unwrap_or(most).max(1);
    // The power of two that is not larger.
    let share = 1 << share.ilog2();
    share.clamp(LEAST_CHUNK_BYTES.min(most), most)
}

/// The bytes of a buffer of a push, one of so many at the same time.
pub(crate) fn push_chunk_bytes(buffer_bytes: u64, jobs: usize) -> usize {
    chunk_bytes(buffer_bytes, if jobs > 1 { SHARED_CHUNK_BYTES } else { CHUNK_BYTES })
}

/// What pushes at the same time read stays in the second-level cache until it is hashed.
const SHARED_CHUNK_BYTES: usize = 256 << 10;

/// Smaller ones cost more calls than they save memory.
const LEAST_CHUNK_BYTES: usize = 64 << 10;

const CHUNKS_PER_JOB: u64 = 8;

/// Buffers for one transfer at a time, and who hashes.
#[derive(Clone, Debug)]
pub(crate) struct Workbench {
    pub(crate) pool: Pool,
    pub(crate) hashing: Hashing,
}

/// Hashes one stream, or many at once. Clones share the threads of a service.
#[derive(Clone, Debug)]
pub(crate) enum Hashing {
    /// The algorithms of a stream are spread over so many cores.
    Alone(NonZeroUsize),
    /// The streams that have bytes waiting lie side by side in the lanes of the vector registers.
    Lanes(Lanes),
}

impl Hashing {
    /// For so many streams at a time, on all cores.
    pub(crate) fn of(streams: usize) -> Self {
        let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        if streams > 1 { Hashing::Lanes(Lanes::new(threads)) } else { Hashing::Alone(threads) }
    }

    /// A new stream by these algorithms, each counted once.
    pub(crate) fn hasher(&self, algorithms: impl IntoIterator<Item = Algorithm>) -> Hasher {
        match self {
            Hashing::Alone(threads) => Hasher::Alone(MultiHasher::new(algorithms, *threads)),
            Hashing::Lanes(lanes) => Hasher::Lane(lanes.stream(algorithms)),
        }
    }
}

/// One stream that is hashed. Its calls block the thread: not for async tasks.
#[derive(Debug)]
pub(crate) enum Hasher {
    Alone(MultiHasher),
    Lane(LaneStream),
}

impl Hasher {
    /// Adds the next bytes. Waits when the hashing is behind.
    pub(crate) fn update(&mut self, chunk: &Chunk) {
        chunk.slices().for_each(|slice| self.update_slice(&slice));
    }

    fn update_slice(&mut self, slice: &Bytes) {
        match self {
            Hasher::Alone(hasher) => hasher.update(slice),
            Hasher::Lane(stream) => stream.update(slice),
        }
    }

    /// How long it has been hashed.
    pub(crate) fn busy(&self) -> Busy {
        match self {
            Hasher::Alone(hasher) => hasher.busy(),
            Hasher::Lane(stream) => stream.busy(),
        }
    }

    /// The digests of all that was added, in the order the algorithms were given. Waits for them.
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
            let shape = |bench: Workbench| (bench.pool.chunks(), bench.pool.chunk_bytes() >> 10);
            assert_eq!(shape(resources.for_pushes()), pushes, "{mib} {jobs}");
            assert_eq!(shape(resources.for_download()), downloads, "{mib} {jobs}");
        }
    }
}
