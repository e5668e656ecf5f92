//! `imgpush tune`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use imgpush_engine::TuneOptions;

use super::memory::memory;
use super::values::duration;
use super::{Decompress, JsonArgs, SourceArgs, heading};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush tune noble.qcow2 --cloud prod
  imgpush tune noble.qcow2 --cloud prod --max-jobs 32 --max-time 10m

Use a file of about 256 MiB: with a small file, the requests take longer than
the data. The test images are hidden, are called imgpush-tune-..., and are
deleted at the end. The recommended options are printed to stdout, the
measurements to stderr. The exit codes are those of `push`.")]
pub(crate) struct TuneArgs {
    /// Disk image to upload: a file or an HTTP(S) URL
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    source: SourceArgs,

    /// Maximum concurrent uploads to try
    #[arg(long, value_name = "N", default_value = "16", help_heading = heading::TUNING)]
    max_jobs: NonZeroUsize,

    /// Number of measurements per setting
    #[arg(long, value_name = "N", default_value = "2", help_heading = heading::TUNING)]
    rounds: NonZeroUsize,

    /// Time after which no measurement starts
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration,
        help_heading = heading::TUNING)]
    max_time: Duration,

    /// Memory limit for the data of all concurrent uploads
    ///
    /// Units are K, M and G, powers of 1024.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory,
        hide_short_help = true, help_heading = heading::TUNING)]
    memory: u64,

    #[command(flatten)]
    pub(crate) json: JsonArgs,

    /// Print only results and errors
    #[arg(short, long, help_heading = heading::OUTPUT)]
    pub(crate) quiet: bool,
}

impl TuneArgs {
    /// The options of the engine.
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
