//! Digests of many sources at once. `imgpush digest` and callers of the crate use [`Digesting`].
//!
//! One thread reads each source into a shared [`Pool`], for as many sources at a time as there are
//! [`jobs`](DigestOptions::with_jobs). The threads pass the chunks to one [`Lanes`] service, which hashes all
//! streams that have data waiting, on all cores. No stream waits for the disk of another. If there is only
//! one source, its algorithms are distributed over the cores instead.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use imgpush_digest::{Algorithm, Digests};
use imgpush_source::pool::{OVERHEAD_BYTES, Pool};
use imgpush_source::{SourceError, SourceOptions, catch_panic};
use tokio::sync::mpsc;

use crate::resources::Hashing;
use crate::setters::setters;

/// Bytes of one buffer. A larger buffer is evicted from the second-level cache between reading and hashing; a
/// smaller one wakes threads more often.
const CHUNK_BYTES: usize = 256 << 10;

/// Buffers that a source can use: one being read, two waiting, one being hashed.
const SOURCE_CHUNKS: usize = 4;

/// Sources at a time for each core: 16 streams fill the lanes of a core with 512-bit registers.
const JOBS_PER_CORE: usize = 16;

/// One source to hash.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DigestTask {
    /// The source, as [`open`](imgpush_source::open()) accepts it.
    pub path: PathBuf,
    /// The algorithms.
    pub algorithms: Vec<Algorithm>,
}

impl DigestTask {
    /// Creates a task that hashes this source with these algorithms.
    pub fn new(path: impl Into<PathBuf>, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        DigestTask { path: path.into(), algorithms: algorithms.into() }
    }

    /// Returns the name of the source in messages.
    fn name(&self) -> String {
        imgpush_source::shown(&self.path).to_string_lossy().into_owned()
    }
}

/// Options of [`Digesting`].
#[derive(Clone, Debug)]
pub struct DigestOptions {
    jobs: Option<NonZeroUsize>,
    memory_bytes: u64,
    source: SourceOptions,
}

impl Default for DigestOptions {
    fn default() -> Self {
        let source = SourceOptions::default();
        DigestOptions { jobs: None, memory_bytes: 64 << 20, source }
    }
}

impl DigestOptions {
    setters! {
        /// Sets the number of sources read at a time. The default is 16 for each core, within the memory
        /// limit; one is faster on a spinning disk.
        with_jobs(jobs: NonZeroUsize) = Some(jobs);
        /// Sets the memory limit of the process in bytes; 64 MiB by default.
        with_memory_bytes(memory_bytes: u64) = memory_bytes;
        /// Sets how sources are read; by default compressed data is hashed unchanged.
        with_source(source: SourceOptions) = source;
    }

    /// The number of jobs that fit into the memory, at least one.
    fn fitting_jobs(&self) -> usize {
        let available = self.memory_bytes.saturating_sub(OVERHEAD_BYTES);
        let jobs = available / (SOURCE_CHUNKS * CHUNK_BYTES) as u64;
        usize::try_from(jobs).unwrap_or(usize::MAX).max(1)
    }
}

/// The digests of a source that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Digested {
    /// Bytes read.
    pub bytes: u64,
    /// The digests, in the order of the requested algorithms.
    pub digests: Digests,
}

/// Sources that are being hashed. Dropping it stops the threads after their current chunk.
#[derive(Debug)]
pub struct Digesting {
    results: mpsc::UnboundedReceiver<(usize, Result<Digested, SourceError>)>,
    /// The source names of the tasks without a result, by task number.
    missing: BTreeMap<usize, String>,
    read_bytes: Arc<AtomicU64>,
    total_bytes: Option<u64>,
}

impl Digesting {
    /// Starts to hash. The largest sources start first, so that none of them is the last to finish.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot start a thread.
    pub fn start(tasks: Vec<DigestTask>, options: DigestOptions) -> std::io::Result<Self> {
        let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let most = options.jobs.map_or(threads.get() * JOBS_PER_CORE, NonZeroUsize::get);
        let jobs = most.min(tasks.len()).min(options.fitting_jobs());
        let sizes: Vec<Option<u64>> = tasks
            .iter()
            .map(|task| size(&task.path).filter(|_| !options.source.decompress))
            .collect();
        let names = tasks.iter().map(DigestTask::name).enumerate().collect();
        let (sender, results) = mpsc::unbounded_channel();
        let read_bytes = Arc::new(AtomicU64::new(0));
        let work = Arc::new(DigestWork {
            waiting: Mutex::new(in_order(tasks, &sizes)),
            pool: Pool::new(jobs * SOURCE_CHUNKS, CHUNK_BYTES),
            hashing: Hashing::of(jobs),
            results: sender,
            read_bytes: Arc::clone(&read_bytes),
            source: options.source,
        });
        for job in 0..jobs {
            let thread = std::thread::Builder::new().name("imgpush-read".into());
            let work = Arc::clone(&work);
            match thread.spawn(move || work.run()) {
                Ok(_) => {}
                Err(error) if job == 0 => return Err(error),
                // The other threads do its tasks.
                Err(_) => break,
            }
        }
        Ok(Digesting { results, missing: names, read_bytes, total_bytes: sizes.into_iter().sum() })
    }

    /// Waits for the next task to end. Returns its number, from 0, and its result; `None` after all tasks
    /// have ended. Each task has exactly one result.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no result is lost.
    pub async fn next(&mut self) -> Option<(usize, Result<Digested, SourceError>)> {
        if let Some((number, result)) = self.results.recv().await {
            self.missing.remove(&number);
            return Some((number, result));
        }
        // The threads have ended without a result for this task.
        let (number, name) = self.missing.pop_first()?;
        let reason = "its thread has ended".to_owned();
        Some((number, Err(SourceError::Panicked { name, reason })))
    }

    /// Returns the total size of all sources at the start, in bytes; `None` if one of them is a stream.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Returns the number of bytes read so far, from all sources.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

/// The size in bytes; `None` if it is known only after reading.
fn size(path: &Path) -> Option<u64> {
    match std::fs::metadata(path) {
        Ok(file) => file.is_file().then_some(file.len()),
        // The error is reported when the task runs.
        Err(_) => (path.as_os_str() != "-" && !imgpush_source::is_address(path)).then_some(0),
    }
}

/// The tasks with their numbers, sorted so that the next one is last. Tasks of equal size keep their order.
fn in_order(tasks: Vec<DigestTask>, sizes: &[Option<u64>]) -> Vec<(usize, DigestTask)> {
    let mut tasks: Vec<(usize, DigestTask)> = tasks.into_iter().enumerate().collect();
    tasks.sort_by_key(|(number, _)| (sizes[*number], Reverse(*number)));
    tasks
}

/// State that the reader threads share.
struct DigestWork {
    waiting: Mutex<Vec<(usize, DigestTask)>>,
    pool: Pool,
    hashing: Hashing,
    results: mpsc::UnboundedSender<(usize, Result<Digested, SourceError>)>,
    read_bytes: Arc<AtomicU64>,
    source: SourceOptions,
}

impl DigestWork {
    fn run(&self) {
        while let Some((number, task)) = self.take() {
            // The receiver is gone: stop.
            let Some(result) = self.hash(&task).transpose() else { return };
            if self.results.send((number, result)).is_err() {
                return;
            }
        }
    }

    fn take(&self) -> Option<(usize, DigestTask)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Returns `None` if the receiver is gone.
    fn hash(&self, task: &DigestTask) -> Result<Option<Digested>, SourceError> {
        catch_panic(&task.name(), || self.hash_source(task))
    }

    fn hash_source(&self, task: &DigestTask) -> Result<Option<Digested>, SourceError> {
        let mut source = imgpush_source::open_blocking(&task.path, &self.source)?;
        let mut hasher = self.hashing.hasher(task.algorithms.iter().copied());
        let mut bytes = 0;
        while let Some(chunk) = source.next_chunk(&self.pool)? {
            if self.results.is_closed() {
                return Ok(None);
            }
            hasher.update(&chunk);
            bytes += chunk.len();
            self.read_bytes.fetch_add(chunk.len(), Ordering::Relaxed);
        }
        let digests = hasher.finish();
        source.finish(&digests)?;
        Ok(Some(Digested { bytes, digests }))
    }
}
