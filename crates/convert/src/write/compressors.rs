//! Threads that compress.

use std::io;
use std::num::NonZeroUsize;
use std::thread::JoinHandle;

use crc32fast::hash;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::cluster_map::DataCluster;
use super::cutter::RawCluster;
use super::encoder::{Encoded, Encoder};
use super::options::WriteOptions;

/// A cluster as it is stored in the image, with its place in the disk.
#[derive(Debug)]
pub(super) struct EncodedCluster {
    /// Its number in the disk.
    pub(super) index: u64,
    pub(super) data: Encoded,
    /// The CRC-32 of the stored bytes.
    pub(super) checksum: u32,
}

impl EncodedCluster {
    pub(super) fn in_disk(&self) -> DataCluster {
        DataCluster { index: self.index, size: self.data.size() }
    }
}

/// The clusters of one job, in order.
pub(super) type JobResult = io::Result<Vec<EncodedCluster>>;

struct Job {
    clusters: Vec<RawCluster>,
    reply: Sender<JobResult>,
}

/// Threads that compress. They end when this is dropped.
pub(super) struct Compressors {
    /// None only while being dropped.
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Compressors {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// The system starts no thread.
    pub(super) fn new(options: &WriteOptions) -> io::Result<Self> {
        let threads = options
            .threads
            .unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
        let (jobs, queue) = unbounded();
        let mut compressors = Compressors { jobs: Some(jobs), threads: Vec::new() };
        for _ in 0..threads.get() {
            let (queue, options) = (queue.clone(), options.clone());
            let thread = std::thread::Builder::new().name("qcow2-compress".to_owned());
            match thread.spawn(move || work(&queue, &options)) {
                Ok(thread) => compressors.threads.push(thread),
                Err(_) if !compressors.threads.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(compressors)
    }

    /// Has clusters compressed. The receiver is disconnected without a result if a thread panicked.
    pub(super) fn submit(&self, clusters: Vec<RawCluster>) -> Receiver<JobResult> {
        let (reply, result) = bounded(1);
        if let Some(jobs) = &self.jobs {
            // Fails only if all threads have panicked; then the receiver is disconnected.
            let _ = jobs.send(Job { clusters, reply });
        }
        result
    }
}

impl Drop for Compressors {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // The caller has seen the panic as a missing result.
            let _ = thread.join();
        }
    }
}

fn work(queue: &Receiver<Job>, options: &WriteOptions) {
    let mut encoder = Encoder::new(options);
    for job in queue {
        let result = match &mut encoder {
            Ok(encoder) => encode(encoder, job.clusters),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        // The pipeline has ended if nothing waits for the result.
        let _ = job.reply.send(result);
    }
}

fn encode(encoder: &mut Encoder, clusters: Vec<RawCluster>) -> JobResult {
    let encoded = clusters.into_iter().map(|cluster| {
        let data = encoder.encode(cluster.bytes)?;
        let checksum = hash(data.bytes());
        Ok(EncodedCluster { index: cluster.index, data, checksum })
    });
    encoded.collect()
}
