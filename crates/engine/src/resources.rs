//! Buffers and hashers that pushes and downloads work with, their own or shared in a batch.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use bytes::Bytes;
use imgpush_digest::{Algorithm, Busy, Digests, LaneStream, Lanes, MultiHasher};

use imgpush_source::{Chunk, Pool};

/// The memory of a process where nothing else is set.
pub(crate) const DEFAULT_MEMORY_BYTES: u64 = 64 << 20;

/// The buffers of one push at a time, and who hashes.
#[derive(Clone, Debug)]
pub(crate) struct Workbench {
    pub(crate) pool: Pool,
    pub(crate) hashing: Hashing,
}

impl Workbench {
    /// For a push that has the process to itself.
    pub(crate) fn within(memory_bytes: u64) -> Self {
        Workbench { pool: Pool::within(memory_bytes), hashing: Hashing::of(1) }
    }
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
    ///
    /// # Panics
    ///
    /// When the system does not start a thread a core.
    pub(crate) fn of(streams: usize) -> Self {
        let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        if streams > 1 { Hashing::Lanes(Lanes::new(threads)) } else { Hashing::Alone(threads) }
    }

    /// A new stream by these algorithms, each counted once.
    ///
    /// # Panics
    ///
    /// When the system starts no more threads.
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
