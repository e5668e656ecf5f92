//! `imgpush inspect`.

use std::path::PathBuf;

use clap::Args;

use super::SourceArgs;
use super::glance::GlanceArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush inspect noble.qcow2                    what it is, what is in it, what is wrong with it
  imgpush inspect --json images/ | jq .format    a line of JSON for each file below a folder
  imgpush inspect --glance gpt_safety_checks_nonfatal=mbr disk.raw
  imgpush inspect https://example.org/disk.img   a few KiB of it, where the server gives parts
  imgpush inspect --decompress auto disk.raw.xz  what is in it, and not that it is packed

Exit codes: 0 nothing worse than information, 13 warnings, 10 something cannot be read, 11 fatal
findings, 130 interrupted; of several files the one that comes last in this list.")]
pub(crate) struct InspectArgs {
    /// Files, folders with all files below them, http and https addresses, - for the standard input
    ///
    /// A file is looked at in a few places, a stream is read to its end. Files that an image names, a
    /// backing file for one, are told and never read.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// What the data would be wrapped in; the service looks into `bare` alone
    #[arg(long, value_name = "FORMAT", default_value = "bare")]
    pub(crate) container_format: String,

    #[command(flatten)]
    pub(crate) glance: GlanceArgs,

    /// Print a line of JSON for each file to stdout
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
}
