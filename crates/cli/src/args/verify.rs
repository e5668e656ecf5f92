//! `imgpush verify`.

use std::path::PathBuf;

use clap::Args;

use super::SourceArgs;
use super::image::Patience;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush verify noble                 download it, keep nothing, compare with the hashes it shows
  imgpush verify noble noble.qcow2     is the image in the cloud this file? downloads nothing

Exit codes: 0 the same, 10 the file cannot be read, 12 the file differs, 21 no such image or no data,
22 connection, 23 the stored data differs from what the image says, 26 nothing to compare by.")]
pub(crate) struct VerifyArgs {
    /// The image, by name or id
    pub(crate) image: String,

    /// A file to compare it with, or an http or https address; - for the standard input
    ///
    /// Without it the data is downloaded and hashed, which shows that the store still has it.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// A store to read from; repeat for more, the best first
    #[arg(
        long = "store-preference",
        alias = "prefer",
        value_name = "STORE",
        conflicts_with = "file"
    )]
    pub(crate) stores: Vec<String>,

    /// Print one JSON object with the result to stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) patience: Patience,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
}
