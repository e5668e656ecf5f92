//! Concurrency, journal and memory of a push.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use imgpush_engine::{BatchOptions, OnFailure, RetryOptions};

use super::heading;
use super::memory::{chunk, memory};

#[derive(Debug, Args)]
#[command(next_help_heading = heading::BATCH)]
pub(crate) struct BatchArgs {
    /// Number of images to upload concurrently [default: 4]
    ///
    /// Each Glance worker handles one upload; further uploads wait. Images that are uploaded at the same
    /// time are also hashed in parallel. On a fast network this helps most from 8 images on. `imgpush tune`
    /// measures the best number.
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Maximum number of concurrent uploads per cloud [default: --jobs]
    ///
    /// The quotas of the project can lower the default. Clouds with the same service and project count as
    /// one.
    #[arg(long, value_name = "N", hide_short_help = true)]
    uploads_per_cloud: Option<NonZeroUsize>,

    /// Start no new uploads after the first failure
    ///
    /// By default, the other images are still uploaded.
    #[arg(long)]
    fail_fast: bool,

    /// Record progress in FILE, and resume from it
    ///
    /// Repeat the command with the same journal after a crash or a failure. Images that Glance still has
    /// are not uploaded again. Uploads that were started are completed, or their records are deleted. A
    /// file with a new size or modification time is uploaded again. Only one command can use a journal at
    /// a time.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Memory limit for the data of all concurrent uploads
    ///
    /// Decompression needs additional memory. Units are K, M and G, powers of 1024.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory,
        hide_short_help = true)]
    memory: u64,

    /// Chunk size for reading, hashing and sending [default: depends on --memory]
    ///
    /// A multiple of 4K, from 64K to 16M.
    #[arg(long, value_name = "SIZE", value_parser = chunk, hide_short_help = true)]
    chunk_size: Option<usize>,
}

impl BatchArgs {
    /// The options of the engine for N images.
    pub(crate) fn options(&self, images: usize, retry: RetryOptions) -> BatchOptions {
        let mut options = BatchOptions::default().with_memory_bytes(self.memory).with_retry(retry);
        options.jobs = fitting_jobs(self.jobs.unwrap_or(options.jobs), images);
        options.chunk_bytes = self.chunk_size;
        options.uploads_per_target = self.uploads_per_cloud;
        if self.fail_fast {
            options.on_failure = OnFailure::StartNoOther;
        }
        options.journal.clone_from(&self.journal);
        options
    }
}

/// The number of jobs for N images: no more jobs than images, and at least one.
pub(super) fn fitting_jobs(jobs: NonZeroUsize, images: usize) -> NonZeroUsize {
    NonZeroUsize::new(images).map_or(NonZeroUsize::MIN, |images| jobs.min(images))
}
