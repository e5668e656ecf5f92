//! `imgpush verify`.

use std::path::PathBuf;

use clap::Args;

use super::image::DownloadArgs;
use super::{JobArgs, Selection, SourceArgs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush verify noble                       download it, keep nothing, compare with the hashes it shows
  imgpush verify noble --file noble.qcow2    is the image in the cloud this file? downloads nothing
  imgpush verify --all --jobs 8              all active images of the project
  imgpush verify --all --folder images       what `imgpush pull --all -o images` has written there

Exit codes: 0 the same, 10 a file cannot be read, 12 a file differs, 21 no such image or no data,
22 connection, 23 the stored data differs from what the image says, 26 nothing to compare by; of
several images the worst: 23, else 12, else 26, else what kept one from being compared.")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// A file to compare the image with, or an http or https address; - for the standard input
    ///
    /// Without it, and without --folder, the data is downloaded and hashed, which shows that the store still
    /// has it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "folder"])]
    pub(crate) file: Option<PathBuf>,

    /// Compare each image with the file that `imgpush pull` writes into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,

    /// A store to read from; repeat for more, the best first
    #[arg(
        long = "store-preference",
        alias = "prefer",
        value_name = "STORE",
        conflicts_with_all = ["file", "folder"]
    )]
    pub(crate) stores: Vec<String>,

    #[command(flatten)]
    pub(crate) jobs: JobArgs,

    /// Print a JSON object for each image to stdout, as it ends
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) download: DownloadArgs,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

impl VerifyArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        (self.file.is_some() && self.selection.is_several())
            .then_some("--file goes with one image; --folder compares several")
    }
}
