//! `imgpush pull`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use imgpush_engine::{Conversion, DownloadOptions};

use super::image::DownloadArgs;
use super::{
    ConversionArgs, JobArgs, JsonArgs, OutputKind, RequeueArgs, Selection, ShardArgs, SparseArgs,
    heading,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Download to noble.qcow2: image name and disk_format
  imgpush pull noble

  # Download to a file, or to a folder
  imgpush pull noble -o disk.qcow2
  imgpush pull noble jammy -o images

  # All active images of the project with a tag
  imgpush pull --all --tag lts -o images

  # Compress on the fly
  imgpush pull noble -o - | zstd -o noble.qcow2.zst

  # Convert while it is downloaded
  imgpush pull noble --convert raw

Repeat the command to resume: verified files are kept, partial files are
completed. File names are printed to stdout, messages to stderr.

Exit codes:
   0  all files verified           22  connection failed
   2  another file exists          23  the downloaded data differs
  20  not authorised               26  the image has no digests
  21  no such image, or no data    27  some images failed")]
pub(crate) struct PullArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,

    /// Convert the images to this format during the download
    ///
    /// The data is verified with the digests of the image before the file gets its name. The extension of the
    /// default file name is that of this format. A download that fails starts again the next time. An existing
    /// file is an error, as it cannot be compared with the image; --overwrite replaces it.
    #[arg(long, value_name = "FORMAT", help_heading = heading::CONVERSION)]
    convert: Option<OutputKind>,

    #[command(flatten)]
    conversion: ConversionArgs,

    /// Accept an image for which Glance has no digest
    #[arg(long, help_heading = heading::VERIFICATION)]
    allow_unverified: bool,

    /// File, folder (several images), or - for stdout
    ///
    /// The default is the working directory, with the image name and its disk_format as the file name. If two
    /// images have one name, the start of the id is added. Data is written to FILE.ID.part and renamed when
    /// its digests match those of the image. On stdout, the last bytes are withheld until then.
    #[arg(short, long, value_name = "FILE|DIR", help_heading = heading::DOWNLOAD)]
    pub(crate) output: Option<PathBuf>,

    /// Replace existing files that differ from the image
    ///
    /// Without --overwrite, such a file is an error and nothing is downloaded. A file that is the image
    /// already is always kept.
    #[arg(long, help_heading = heading::DOWNLOAD)]
    overwrite: bool,

    /// Store to read from, in order of preference (repeatable)
    #[arg(long = "store-preference", alias = "prefer", value_name = "STORE",
        hide_short_help = true, help_heading = heading::DOWNLOAD)]
    stores: Vec<String>,

    /// Number of concurrent range requests per image [default: up to 4]
    ///
    /// By default, imgpush adds connections as long as that makes the download faster. Several connections
    /// help most if the latency is high.
    #[arg(long, value_name = "N", hide_short_help = true, help_heading = heading::DOWNLOAD)]
    connections: Option<NonZeroUsize>,

    #[command(flatten)]
    sparse: SparseArgs,

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

impl PullArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        if let Some(misfit) = self.selection.misfit_with(&self.shard) {
            return Some(misfit);
        }
        if self.convert.is_some() && self.sparse.is_never() {
            return Some("--convert and --sparse never exclude each other: zeros become holes");
        }
        if self.convert.is_none()
            && let Some(misfit) = self.conversion.misfit_without_conversion()
        {
            return Some(misfit);
        }
        if !self.is_to_stdout() {
            return None;
        }
        if self.convert.is_some() {
            return Some(
                "--convert writes files; for a pipe use `imgpush pull IMAGE -o - | imgpush convert - - -O FORMAT`",
            );
        }
        if self.selection.is_several() || self.shard.is_given() {
            return Some("the standard output takes one image");
        }
        self.json.is_on().then_some("--json and the image cannot both go to the standard output")
    }

    /// Whether the image is written to stdout.
    pub(crate) fn is_to_stdout(&self) -> bool {
        self.output.as_ref().is_some_and(|output| output.as_os_str() == "-")
    }

    /// The conversion of the images, if there is one.
    pub(crate) fn conversion(&self) -> Option<Conversion> {
        self.convert.map(|to| self.conversion.conversion(to))
    }

    /// The options of the engine.
    pub(crate) fn options(&self) -> DownloadOptions {
        let mut options = self.download.options();
        options.prefer.clone_from(&self.stores);
        options.overwrite = self.overwrite;
        options.keep_same = true;
        options.allow_unverified = self.allow_unverified;
        options.connections = self.connections;
        options.sparse = self.sparse.sparse();
        options
    }
}
