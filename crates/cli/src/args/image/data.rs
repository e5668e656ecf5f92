//! Commands for image data: `save`, `stage`, `import`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_engine::{Conversion, DownloadOptions, StagingOptions};

use super::ShowOutput;
use crate::args::glance::GlanceArgs;
use crate::args::memory::memory;
use crate::args::values::duration;
use crate::args::{
    ConversionArgs, DisplayArgs, JsonArgs, OutputKind, ProgressKind, ProofArgs, RetryArgs,
    SourceArgs, SparseArgs, heading,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush image save noble --file noble.qcow2
  imgpush image save noble | zstd -o noble.qcow2.zst
  imgpush image save noble --file noble.qcow2 --store-preference near

Repeat the command to resume an interrupted download.

Exit codes:
   0  saved and verified           22  connection failed
   2  the file exists              23  the downloaded data differs
  21  no such image, or no data    26  the image has no digests")]
pub(crate) struct SaveArgs {
    /// Image, by name or id
    pub(crate) image: String,

    /// Accept an image for which Glance has no digest
    #[arg(long, help_heading = heading::VERIFICATION)]
    pub(crate) allow_unverified: bool,

    /// File to write [default: stdout]
    ///
    /// An existing file is overwritten. Data is written to FILE.ID.part and renamed when its digests match
    /// those of the image. On stdout, the last bytes are withheld until then.
    #[arg(long, value_name = "FILE", help_heading = heading::DOWNLOAD,
        required_if_eq_any = [("json", "true"), ("format", "json")])]
    pub(crate) file: Option<PathBuf>,

    /// Refuse to overwrite an existing file
    #[arg(long, requires = "file", help_heading = heading::DOWNLOAD)]
    pub(crate) no_overwrite: bool,

    /// Store to read from, in order of preference (repeatable)
    #[arg(long = "store-preference", alias = "prefer", value_name = "STORE",
        hide_short_help = true, help_heading = heading::DOWNLOAD)]
    pub(crate) stores: Vec<String>,

    #[command(flatten)]
    sparse: SparseArgs,

    #[command(flatten)]
    pub(crate) json: JsonArgs,

    #[command(flatten)]
    pub(crate) download: DownloadArgs,

    /// Accepted for openstackclient; it has no effect.
    #[arg(long, hide = true, help_heading = heading::DOWNLOAD)]
    chunk_size: Option<u64>,
}

/// Options of downloads.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::DOWNLOAD)]
pub(crate) struct DownloadArgs {
    /// Memory limit for the data of all concurrent downloads
    ///
    /// Units are K, M and G, powers of 1024.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory,
        hide_short_help = true)]
    pub(crate) memory: u64,

    /// Time after which a download that receives no data is retried
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration,
        hide_short_help = true)]
    idle_timeout: Duration,

    /// Number of consecutive retries without new data
    #[arg(long, value_name = "N", default_value = "5", hide_short_help = true)]
    retries: u32,

    #[command(flatten)]
    pub(crate) display: DisplayArgs,
}

impl DownloadArgs {
    /// The options of the engine.
    pub(crate) fn options(&self) -> DownloadOptions {
        let mut options = DownloadOptions::default();
        options.idle_timeout = self.idle_timeout;
        options.retries = self.retries;
        options
    }
}

impl SaveArgs {
    /// The options of the engine.
    pub(crate) fn options(&self) -> DownloadOptions {
        let mut options = self.download.options();
        options.prefer.clone_from(&self.stores);
        options.overwrite = !self.no_overwrite;
        options.allow_unverified = self.allow_unverified;
        options.sparse = self.sparse.sparse();
        options
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush image stage noble --file noble.qcow2
  imgpush image import noble --wait

  # Stage a stream
  zstdcat disk.raw.zst | imgpush image stage disk

  # Stage the disk of a qcow2 for a raw image
  imgpush image stage disk --file noble.qcow2 --convert raw

Glance computes digests of staged data only during the import. Compare them
with the digests printed here. `imgpush push --via import` does that itself.")]
pub(crate) struct StageArgs {
    /// Image, by name or id
    pub(crate) image: String,

    /// Stage data even if the format check fails
    ///
    /// The check fails if the import would probably refuse the data. Images that refer to other files, such
    /// as a backing file, are always refused.
    #[arg(long, hide_short_help = true, help_heading = heading::IMAGE)]
    force_format: bool,

    #[command(flatten)]
    glance: GlanceArgs,

    /// Disk image: a file or an HTTP(S) URL [default: stdin]
    #[arg(long, value_name = "FILE|URL", help_heading = heading::SOURCE)]
    pub(crate) file: Option<PathBuf>,

    /// Size of the data, if it comes from a pipe
    #[arg(long, value_name = "BYTES", hide_short_help = true, help_heading = heading::SOURCE)]
    size: Option<u64>,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    /// Convert the data to this format during the upload
    ///
    /// Virtual disks can be qcow2, VMDK, VHDX, VHD, VDI, QED or Parallels images. For qcow2 the source is read
    /// twice, or once with --spool. Checksums are those of the source. The result must have the disk_format of
    /// the image. --max-size also limits the result, before anything is sent.
    #[arg(long, value_name = "FORMAT", conflicts_with = "size", help_heading = heading::CONVERSION)]
    convert: Option<OutputKind>,

    #[command(flatten)]
    conversion: ConversionArgs,

    #[command(flatten)]
    pub(crate) proof: ProofArgs,

    #[command(flatten)]
    retry: RetryArgs,

    /// Memory limit for the data of the upload
    ///
    /// Units are K, M and G, powers of 1024.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory,
        hide_short_help = true, help_heading = heading::UPLOAD)]
    memory: u64,

    /// Time-out for a connection that accepts no data
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration,
        hide_short_help = true, help_heading = heading::UPLOAD)]
    idle_timeout: Duration,

    /// Time-out for the response of Glance after the last byte
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration,
        hide_short_help = true, help_heading = heading::UPLOAD)]
    finish_timeout: Duration,

    #[command(flatten)]
    pub(crate) json: JsonArgs,

    /// Progress display on stderr
    #[arg(long, value_name = "MODE", default_value = "auto", num_args = 0..=1,
        default_missing_value = "auto", require_equals = true, hide_short_help = true,
        help_heading = heading::OUTPUT)]
    pub(crate) progress: ProgressKind,

    /// Print complete digests
    #[arg(long, hide_short_help = true, help_heading = heading::OUTPUT)]
    pub(crate) full: bool,

    /// Print only errors
    #[arg(short, long, help_heading = heading::OUTPUT)]
    pub(crate) quiet: bool,
}

impl StageArgs {
    /// What does not go together.
    pub(in crate::args) fn misfit(&self) -> Option<&'static str> {
        match self.convert {
            Some(_) => None,
            None => self.conversion.misfit_without_conversion(),
        }
    }

    /// The conversion of the data, if there is one.
    pub(crate) fn conversion(&self) -> Option<Conversion> {
        let mut conversion = self.conversion.conversion(self.convert?);
        conversion.max_bytes = self.source.max_bytes();
        Some(conversion)
    }

    /// Whether the size of the data is given.
    pub(crate) fn has_size(&self) -> bool {
        self.size.is_some()
    }

    /// The options of the engine.
    pub(crate) fn options(&self) -> StagingOptions {
        let mut options = StagingOptions::default();
        options.size = self.size;
        options.force_format = self.force_format;
        options.image_format = self.glance.settings();
        options.memory_bytes = self.memory;
        options.idle_timeout = self.idle_timeout;
        options.finish_timeout = self.finish_timeout;
        options.settle_timeout = self.retry.settle_timeout();
        options.retry = self.retry.options();
        options
    }
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  # Import staged data
  imgpush image import noble --wait

  # Import from a URL
  imgpush image import noble --method web-download \\
    --uri https://example.org/noble.img --wait

  # Copy an image to another store
  imgpush image import noble --method copy-image --store slow --wait

  # Import an image of another region
  imgpush image import noble --method glance-download \\
    --remote-region R2 --remote-image 5f1c...

Exit codes with --wait: 0 active, 24 import failed, 25 not finished in time.")]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(crate) info: Option<ImportCommand>,

    /// Image, by name or id
    #[arg(required = true)]
    image: Option<String>,

    /// Import method
    #[arg(long, value_name = "METHOD", default_value = "glance-direct",
        help_heading = heading::IMPORT)]
    pub(crate) method: ImportMethodName,

    /// With web-download: URL of the data
    #[arg(long, value_name = "URL", help_heading = heading::IMPORT)]
    pub(crate) uri: Option<String>,

    /// With glance-download: region of the source image
    #[arg(long, value_name = "REGION", help_heading = heading::IMPORT)]
    pub(crate) remote_region: Option<String>,

    /// With glance-download: id of the source image
    #[arg(long, value_name = "ID", help_heading = heading::IMPORT)]
    pub(crate) remote_image: Option<String>,

    /// With glance-download: endpoint interface, public, internal or admin
    #[arg(long, value_name = "INTERFACE", hide_short_help = true,
        help_heading = heading::IMPORT)]
    pub(crate) remote_service_interface: Option<String>,

    /// Store for the data (repeatable)
    ///
    /// The default is the default store of the service.
    #[arg(long = "store", value_name = "STORE", conflicts_with = "all_stores",
        help_heading = heading::IMPORT)]
    pub(crate) stores: Vec<String>,

    /// Use all stores of the service
    #[arg(long, help_heading = heading::IMPORT)]
    pub(crate) all_stores: bool,

    /// Continue if one of several stores fails (default)
    #[arg(long, conflicts_with = "disallow_failure", hide_short_help = true,
        help_heading = heading::IMPORT)]
    allow_failure: bool,

    /// Cancel the import if one of several stores fails
    #[arg(long, hide_short_help = true, help_heading = heading::IMPORT)]
    pub(crate) disallow_failure: bool,

    /// Wait for the end of the import
    ///
    /// Without --allow-failure, the command fails if one of several stores failed.
    #[arg(long, help_heading = heading::IMPORT)]
    pub(crate) wait: bool,

    /// With --wait: time-out [default: unlimited]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "wait",
        help_heading = heading::IMPORT)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) output: ShowOutput,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ImportCommand {
    /// Show the import methods of the service
    Info(ShowOutput),
}

impl ImportArgs {
    pub(crate) fn image(&self) -> &str {
        self.image.as_deref().expect("clap requires it where there is no subcommand")
    }

    /// Whether `--allow-failure` is given.
    pub(crate) fn may_lose_stores(&self) -> bool {
        self.allow_failure
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportMethodName {
    /// Staged data
    GlanceDirect,
    /// A URL that Glance downloads
    WebDownload,
    /// An image of another region
    GlanceDownload,
    /// The data of the image, copied to more stores
    CopyImage,
}

impl ImportMethodName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ImportMethodName::GlanceDirect => "glance-direct",
            ImportMethodName::WebDownload => "web-download",
            ImportMethodName::GlanceDownload => "glance-download",
            ImportMethodName::CopyImage => "copy-image",
        }
    }
}
