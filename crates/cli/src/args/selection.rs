//! Which images of a cloud.

use std::num::NonZeroUsize;

use clap::Args;
use imgpush_engine::{BatchOptions, OnFailure};

use super::batch::fitting_jobs;
use super::values::key_value;

/// Images by name or id, or all of them.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// The images, by name or id
    #[arg(value_name = "IMAGE", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) images: Vec<String>,

    /// All active images of the project
    #[arg(long)]
    pub(crate) all: bool,

    /// With --all, only images with this tag; repeat for more
    #[arg(long = "tag", value_name = "TAG", requires = "all", conflicts_with = "images")]
    pub(crate) tags: Vec<String>,

    /// With --all, only images with this property; repeat for more
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value,
        requires = "all", conflicts_with = "images")]
    pub(crate) properties: Vec<(String, String)>,
}

impl Selection {
    /// Whether there may be several, however many there turn out to be.
    pub(crate) fn is_several(&self) -> bool {
        self.all || self.images.len() > 1
    }
}

/// How many go at a time, and until when.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// Images at a time, as far as --memory goes
    #[arg(short, long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,

    /// Stop all when one has failed; by default one failure stops no other
    #[arg(long)]
    pub(crate) fail_fast: bool,
}

impl JobArgs {
    /// The options of a batch of N images that stays within this many bytes of memory.
    pub(crate) fn options(&self, images: usize, memory: u64) -> BatchOptions {
        let mut options = BatchOptions::default()
            .with_jobs(fitting_jobs(self.jobs, images))
            .with_memory_bytes(memory);
        if self.fail_fast {
            options.on_failure = OnFailure::CancelAll;
        }
        options
    }
}
