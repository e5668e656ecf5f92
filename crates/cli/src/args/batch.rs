//! How many images go at a time.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use imgpush_engine::{BatchOptions, OnFailure, RetryOptions};

use super::memory::{chunk, memory};

#[derive(Debug, Args)]
#[command(next_help_heading = "Batch options")]
pub(crate) struct BatchArgs {
    /// Images at a time [default: 4]
    ///
    /// An image service takes one upload a worker; what is more than it has workers waits there. Files
    /// that are pushed at the same time are hashed side by side, which pays most from 8 on, where the
    /// network is fast. `imgpush tune` finds out.
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Maximum number of uploads at a time to one cloud; by default --jobs and the quotas of the project
    ///
    /// Clouds that are the same project of the same service count as one.
    #[arg(long, value_name = "N")]
    uploads_per_cloud: Option<NonZeroUsize>,

    /// Begin with no other image when one has failed; by default one failure stops no other
    #[arg(long)]
    fail_fast: bool,

    /// Write down in this file what is begun and what is proved, and go on from what it says
    ///
    /// Run again with the same journal after a crash, a kill or a failure: what is proved is asked after
    /// and not sent again, what was begun is completed or removed. A file whose size or time has changed
    /// is pushed anew. Two runs cannot use one journal at once.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Memory to stay within: bytes, or with K, M, G
    ///
    /// It is dealt out among the images that are pushed at a time. Unpacking comes on top.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory)]
    memory: u64,

    /// Bytes to read, hash and send at a time; what suits the memory by default
    #[arg(long, value_name = "SIZE", value_parser = chunk, hide_short_help = true)]
    chunk_size: Option<usize>,
}

impl BatchArgs {
    /// What the engine is to do with so many images.
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
