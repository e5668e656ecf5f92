//! `imgpush tune`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use imgpush_engine::TuneOptions;

use super::memory::memory;
use super::values::duration;
use super::{Decompress, SourceArgs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush tune noble.qcow2 --cloud prod
  imgpush tune noble.qcow2 --cloud prod --max-jobs 32 --rounds 5 --max-time 600

A file of some 256 MiB tells most: of a small one the calls take longer than the data. The images are
hidden, called imgpush-tune-…, and removed again. The recommended options go to stdout, what was tried
to stderr. Exit codes: as `push`.")]
pub(crate) struct TuneArgs {
    /// The disk image to try with: a file, or an http or https address
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The most images at a time
    #[arg(long, value_name = "N", default_value = "16")]
    max_jobs: NonZeroUsize,

    /// How often each setting is tried
    #[arg(long, value_name = "N", default_value = "2")]
    rounds: NonZeroUsize,

    /// Try nothing else when so many seconds have gone
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    max_time: Duration,

    /// Memory to stay within: bytes, or with K, M, G
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory)]
    memory: u64,

    /// Print one JSON object with all that was tried to stdout
    #[arg(long)]
    pub(crate) json: bool,

    /// Show nothing but the result and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    source: SourceArgs,
}

impl TuneArgs {
    /// What the engine is to do.
    pub(crate) fn options(&self) -> TuneOptions {
        let mut options = TuneOptions::default();
        options.rounds = self.rounds.get();
        options.most_jobs = self.max_jobs;
        options.max_time = self.max_time;
        options.memory_bytes = self.memory;
        options.source = self.source.options(Decompress::Auto);
        options
    }
}
