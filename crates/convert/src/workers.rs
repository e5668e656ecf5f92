//! Threads that decompress clusters.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::buffers::OutputBuffer;
use crate::decode::Decoders;
use crate::error::ConvertError;
use crate::read::CompressedCluster;

/// More threads than this decompress faster than anything reads.
const MAX_THREADS: usize = 16;

/// Compressed clusters, and the buffer that they belong in.
pub(crate) struct Task {
    /// Bytes of the image.
    pub(crate) stored: Vec<u8>,
    /// The clusters, completely in `stored` unless the image ends before.
    pub(crate) clusters: Vec<PlacedCluster>,
    /// The buffer. Some parts of it may be filled already.
    pub(crate) buffer: OutputBuffer,
}

/// A cluster with its place in both buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacedCluster {
    pub(crate) cluster: CompressedCluster,
    /// Offset of its first byte in the stored bytes.
    pub(crate) from: usize,
    /// Number of its stored bytes, fewer than expected where the image ends.
    pub(crate) available: usize,
    /// Offset in the buffer.
    pub(crate) to: usize,
    /// Bytes of the disk.
    pub(crate) length: usize,
}

/// The result of a task, with the memory of its input.
pub(crate) struct Finished {
    pub(crate) result: Result<OutputBuffer, ConvertError>,
    pub(crate) stored: Vec<u8>,
}

/// Threads, started when they are first needed and joined when dropped.
#[derive(Default)]
pub(crate) struct Workers {
    tasks: Option<Sender<(Task, Sender<Finished>)>>,
    threads: Vec<JoinHandle<()>>,
    /// Decompresses on the calling thread if the system starts no other.
    fallback: Decompressor,
}

impl Workers {
    /// Starts a task. The result arrives at the receiver.
    pub(crate) fn start(&mut self, task: Task) -> Receiver<Finished> {
        let (done, result) = bounded(1);
        if self.tasks.is_none() {
            self.start_threads();
        }
        match &self.tasks {
            Some(tasks) if !self.threads.is_empty() => {
                // Fails only if all threads have ended; then the receiver reports it.
                let _ = tasks.send((task, done));
            }
            _ => {
                let _ = done.send(self.fallback.run(task));
            }
        }
        result
    }

    fn start_threads(&mut self) {
        let (tasks, queue) = unbounded::<(Task, Sender<Finished>)>();
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..count.min(MAX_THREADS) {
            let queue = queue.clone();
            let run = move || {
                let mut decompressor = Decompressor::default();
                for (task, done) in queue {
                    // The conversion may have been dropped.
                    let _ = done.send(decompressor.run(task));
                }
            };
            let thread = std::thread::Builder::new().name("convert".to_owned()).spawn(run);
            self.threads.extend(thread);
        }
        self.tasks = Some(tasks);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.tasks = None;
        for thread in self.threads.drain(..) {
            // A panic of the thread was reported as a lost result.
            let _ = thread.join();
        }
    }
}

/// The decoders of one thread, and space for clusters that are only partly wanted.
#[derive(Default)]
struct Decompressor {
    decoders: Decoders,
    scratch: Vec<u8>,
}

impl Decompressor {
    fn run(&mut self, task: Task) -> Finished {
        let Task { stored, clusters, mut buffer } = task;
        let place = |placed| self.cluster(&stored, placed, buffer.space());
        let result = clusters.iter().try_for_each(place);
        Finished { result: result.map(|()| buffer), stored }
    }

    fn cluster(
        &mut self,
        stored: &[u8],
        placed: &PlacedCluster,
        buffer: &mut [u8],
    ) -> Result<(), ConvertError> {
        let PlacedCluster { cluster, from, available, to, length } = *placed;
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let (unpacked, skip) = (size(cluster.unpacked), size(cluster.skip));
        let available = stored.get(from..).and_then(|rest| rest.get(..available));
        let available = available.unwrap_or_default();
        let space = buffer.get_mut(to..).and_then(|rest| rest.get_mut(..length));
        let invalid = || {
            if (available.len() as u64) < cluster.stored {
                ConvertError::truncated("a compressed cluster", cluster.host, cluster.stored)
            } else {
                ConvertError::damaged(cluster.host, "the compressed cluster is invalid")
            }
        };
        let space = space.ok_or_else(invalid)?;
        if skip == 0 && length == unpacked {
            let count = self.decoders.decode(cluster.codec, available, space);
            let count = count.map_err(|_| invalid())?;
            return if count == length { Ok(()) } else { Err(invalid()) };
        }
        self.scratch.resize(unpacked, 0);
        let count = self.decoders.decode(cluster.codec, available, &mut self.scratch);
        let count = count.map_err(|_| invalid())?;
        let decoded = self.scratch.get(..count).and_then(|all| all.get(skip..)?.get(..length));
        space.copy_from_slice(decoded.ok_or_else(invalid)?);
        Ok(())
    }
}
