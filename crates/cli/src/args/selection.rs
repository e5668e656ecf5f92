//! Selection of images in a cloud.

use std::num::NonZeroUsize;

use clap::Args;
use imgpush_engine::{BatchOptions, OnFailure};

use super::batch::fitting_jobs;
use super::heading;
use super::shard::ShardArgs;
use super::values::key_value;

/// Images by name or id, or all of them.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Images, by name or id
    #[arg(value_name = "IMAGE", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) images: Vec<String>,

    /// All active images of the project
    #[arg(long, help_heading = heading::IMAGE)]
    pub(crate) all: bool,

    /// With --all: only with this tag (repeatable)
    #[arg(long = "tag", value_name = "TAG", requires = "all", conflicts_with = "images",
        help_heading = heading::IMAGE)]
    pub(crate) tags: Vec<String>,

    /// With --all: only with this property (repeatable)
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value,
        requires = "all", conflicts_with = "images", help_heading = heading::IMAGE)]
    pub(crate) properties: Vec<(String, String)>,
}

impl Selection {
    /// Whether several images can be selected.
    pub(crate) fn is_several(&self) -> bool {
        self.all || self.images.len() > 1
    }

    /// What does not go together with a share of the images.
    pub(super) fn misfit_with(&self, shard: &ShardArgs) -> Option<&'static str> {
        (self.all && shard.is_by_size()).then_some(
            "--shard-by size and --all exclude each other: the machines may get different lists",
        )
    }
}

/// Concurrency of downloads.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::BATCH)]
pub(crate) struct JobArgs {
    /// Number of images to process concurrently
    ///
    /// --memory can lower it.
    #[arg(short, long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,

    /// Stop all images after the first failure
    ///
    /// By default, the other images are still processed.
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
