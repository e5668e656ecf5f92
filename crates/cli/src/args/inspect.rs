//! `imgpush inspect`.

use std::path::PathBuf;

use clap::Args;

use super::glance::GlanceArgs;
use super::{JsonArgs, SourceArgs, heading};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Show format, content and problems
  imgpush inspect noble.qcow2

  # Print a JSON object for each file below a folder
  imgpush inspect --json images/ | jq .format

  # Assume a setting of Glance
  imgpush inspect --glance gpt_safety_checks_nonfatal=mbr disk.raw

  # Read a few KiB of a URL, if its server supports range requests
  imgpush inspect https://example.org/disk.img

  # Inspect the decompressed data
  imgpush inspect --decompress auto disk.raw.xz

Exit codes:
   0  no problems                  13  warnings
  10  a file cannot be read        11  fatal findings
Several files: 11 takes precedence, then 10 and 13.")]
pub(crate) struct InspectArgs {
    /// Files, folders, HTTP(S) URLs, or - for stdin
    ///
    /// Folders are searched recursively. Of a file only the relevant parts are read; a stream is read to
    /// its end. Files that an image refers to, such as a backing file, are reported and never read. Of a
    /// virtual disk in a file the tables are read as well, and up to 64 MiB of data, to estimate its size
    /// as a compressed qcow2.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Container format to assume
    ///
    /// Glance inspects only `bare` images.
    #[arg(long, value_name = "FORMAT", default_value = "bare", help_heading = heading::IMAGE)]
    pub(crate) container_format: String,

    #[command(flatten)]
    pub(crate) glance: GlanceArgs,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) json: JsonArgs,
}
