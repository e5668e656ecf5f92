//! `imgpush verify`.

use std::path::PathBuf;

use clap::Args;

use super::image::DownloadArgs;
use super::{JobArgs, JsonArgs, RequeueArgs, Selection, ShardArgs, SourceArgs, heading};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Download the data, and compare it with the digests of the image
  imgpush verify noble

  # Compare a local file with the image, without a download
  imgpush verify noble --file noble.qcow2

  # All active images of the project
  imgpush verify --all --jobs 8

  # Files that `imgpush pull --all -o images` wrote
  imgpush verify --all --folder images

Exit codes:
   0  verified                     22  connection failed
  10  a file cannot be read        23  the stored data differs
  12  a file differs               26  the image has no digests
  21  no such image, or no data
Several images: 23 takes precedence, then 12, 26 and other failures.")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    /// Compare the image with this file or URL; - for stdin
    ///
    /// Without --file and --folder, the data is downloaded from Glance and hashed.
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["all", "folder"],
        help_heading = heading::VERIFICATION)]
    pub(crate) file: Option<PathBuf>,

    /// Compare images with the files that `pull` wrote
    #[arg(long, value_name = "DIR", help_heading = heading::VERIFICATION)]
    pub(crate) folder: Option<PathBuf>,

    /// Store to read from, in order of preference (repeatable)
    #[arg(
        long = "store-preference",
        alias = "prefer",
        value_name = "STORE",
        conflicts_with_all = ["file", "folder"],
        hide_short_help = true,
        help_heading = heading::DOWNLOAD
    )]
    pub(crate) stores: Vec<String>,

    #[command(flatten)]
    pub(crate) jobs: JobArgs,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    #[command(flatten)]
    pub(crate) requeue: RequeueArgs,

    #[command(flatten)]
    pub(crate) json: JsonArgs,

    #[command(flatten)]
    pub(crate) download: DownloadArgs,
}

impl VerifyArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        if self.file.is_some() && (self.selection.is_several() || self.shard.is_given()) {
            return Some("--file goes with one image; --folder compares several");
        }
        self.selection.misfit_with(&self.shard)
    }
}
