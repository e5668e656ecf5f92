//! The digests of many sources at once.
//!
//! Sources are read by a thread each, as many at a time as there are [`jobs`](DigestOptions::with_jobs),
//! into one [`Pool`]. What they read goes to one [`Lanes`] service, which hashes on all cores the
//! streams that have bytes waiting, so none waits for another's disk. A source that is alone has its
//! algorithms spread over the cores instead.

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

/// Bytes of one buffer. Larger ones leave the second cache between reading and hashing, smaller ones
/// wake threads more often.
const CHUNK_BYTES: usize = 256 << 10;

/// Buffers a source can use: one being read, two waiting, one being hashed.
const SOURCE_CHUNKS: usize = 4;

/// Sources at a time for each core: so many fill the lanes of a core with 512-bit registers.
const JOBS_PER_CORE: usize = 16;

/// What to hash.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DigestTask {
    /// The source, as [`open`](imgpush_source::open()) takes it.
    pub path: PathBuf,
    /// Its digests.
    pub algorithms: Vec<Algorithm>,
}

impl DigestTask {
    /// The file's digests by these algorithms.
    pub fn new(path: impl Into<PathBuf>, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        DigestTask { path: path.into(), algorithms: algorithms.into() }
    }

    /// The name of the source in messages.
    fn name(&self) -> String {
        imgpush_source::shown(&self.path).to_string_lossy().into_owned()
    }
}

/// How to hash.
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
        /// Sets the number of sources read at a time. By default it is 16 for each core, as far as the memory
        /// allows; a spinning disk is faster with one.
        with_jobs(jobs: NonZeroUsize) = Some(jobs);
        /// Sets the bytes of memory that the process should stay within; 64 MiB by default.
        with_memory_bytes(memory_bytes: u64) = memory_bytes;
        /// Sets how sources are read; by default compressed data is hashed as it is.
        with_source(source: SourceOptions) = source;
    }

    /// As many as there is memory for, and one.
    fn fitting_jobs(&self) -> usize {
        let room = self.memory_bytes.saturating_sub(OVERHEAD_BYTES);
        let jobs = room / (SOURCE_CHUNKS * CHUNK_BYTES) as u64;
        usize::try_from(jobs).unwrap_or(usize::MAX).max(1)
    }
}

/// A source that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Digested {
    /// Bytes read.
    pub bytes: u64,
    /// Their digests, in the order asked for.
    pub digests: Digests,
}

/// Sources that are being hashed. Dropping it ends the threads behind the chunk they are at.
#[derive(Debug)]
pub struct Digesting {
    results: mpsc::UnboundedReceiver<(usize, Result<Digested, SourceError>)>,
    /// Of each task that has no result yet the name of its source, by its number.
    missing: BTreeMap<usize, String>,
    read_bytes: Arc<AtomicU64>,
    total_bytes: Option<u64>,
}

impl Digesting {
    /// Starts to hash. What has most bytes is begun first, so that it does not end last.
    ///
    /// # Errors
    ///
    /// When the system starts no thread.
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
                // The others do its work.
                Err(_) => break,
            }
        }
        Ok(Digesting { results, missing: names, read_bytes, total_bytes: sizes.into_iter().sum() })
    }

    /// The number, from 0, of a task that has ended, and its result; none when all have. Each task has one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<(usize, Result<Digested, SourceError>)> {
        if let Some((number, result)) = self.results.recv().await {
            self.missing.remove(&number);
            return Some((number, result));
        }
        // The threads are gone without it.
        let (number, name) = self.missing.pop_first()?;
        let reason = "its thread has ended".to_owned();
        Some((number, Err(SourceError::Panicked { name, reason })))
    }

    /// The bytes of all sources as they were at the start; none when one is a stream.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Bytes read so far, of all sources.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

/// Bytes to read; none where only reading tells.
fn size(path: &Path) -> Option<u64> {
    match std::fs::metadata(path) {
        Ok(file) => file.is_file().then_some(file.len()),
        // It will be told when its turn comes.
        Err(_) => (path.as_os_str() != "-" && !imgpush_source::is_address(path)).then_some(0),
    }
}

/// The tasks with their numbers, to be taken from the end. Those of a size keep their order.
fn in_order(tasks: Vec<DigestTask>, sizes: &[Option<u64>]) -> Vec<(usize, DigestTask)> {
    let mut tasks: Vec<(usize, DigestTask)> = tasks.into_iter().enumerate().collect();
    tasks.sort_by_key(|(number, _)| (sizes[*number], Reverse(*number)));
    tasks
}

/// What the reading threads share.
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
            // Sending fails when nobody listens any more.
            let Some(result) = self.hash(&task).transpose() else { return };
            if self.results.send((number, result)).is_err() {
                return;
            }
        }
    }

    fn take(&self) -> Option<(usize, DigestTask)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// None when nobody wants the rest.
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
