//! Verbs about the data: `save`, `stage`, `import`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_engine::{DownloadOptions, StagingOptions};

use super::ShowOutput;
use crate::args::glance::GlanceArgs;
use crate::args::memory::memory;
use crate::args::values::duration;
use crate::args::{ProgressKind, ProofArgs, RetryArgs, SourceArgs, SparseArgs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush image save noble --file noble.qcow2
  imgpush image save noble | qemu-img info -
  imgpush image save noble --file noble.qcow2 --store-preference near

Exit codes: 0 saved and proved, 21 no data, 22 connection, 23 the data is not what the image says,
26 nothing to prove it by, 130 interrupted; the same command goes on after 22 and 130.")]
pub(crate) struct SaveArgs {
    /// The image, by name or id
    pub(crate) image: String,

    /// The file to save it to; the standard output by default
    ///
    /// The file gets its name when its bytes are hashed and equal to what the image shows; until then
    /// they are in FILE.ID.part, with the id of the image. To the standard output the last bytes come only then.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// A store to read from; repeat for more, the best first
    #[arg(long = "store-preference", alias = "prefer", value_name = "STORE")]
    pub(crate) stores: Vec<String>,

    /// Leave a file alone that is there already; it is replaced by default
    #[arg(long, requires = "file")]
    pub(crate) no_overwrite: bool,

    /// Save an image that shows no hash to prove it by
    #[arg(long)]
    pub(crate) allow_unverified: bool,

    #[command(flatten)]
    sparse: SparseArgs,

    #[command(flatten)]
    pub(crate) download: DownloadArgs,

    /// Print one JSON object with the result to stdout
    #[arg(long, requires = "file")]
    pub(crate) json: bool,

    /// openstackclient's; the data comes in as large pieces as the network has.
    #[arg(long, hide = true)]
    chunk_size: Option<u64>,
}

/// How a download goes.
#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// Memory to stay within: bytes, or with K, M, G
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory,
        hide_short_help = true)]
    pub(crate) memory: u64,

    /// Try again when nothing came for so many seconds
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration,
        hide_short_help = true)]
    idle_timeout: Duration,

    /// Give up after so many tries that brought nothing
    #[arg(long, value_name = "N", default_value = "5", hide_short_help = true)]
    retries: u32,

    /// How to show progress on stderr
    ///
    /// `auto` is a bar on a terminal and nothing elsewhere; `json` is a line of JSON twice a second.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: ProgressKind,

    /// Print complete digests
    #[arg(long, hide_short_help = true)]
    pub(crate) full: bool,

    /// Print only the result and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl DownloadArgs {
    /// What the engine is to do.
    pub(crate) fn options(&self) -> DownloadOptions {
        let mut options = DownloadOptions::default();
        options.idle_timeout = self.idle_timeout;
        options.retries = self.retries;
        options
    }
}

impl SaveArgs {
    /// What the engine is to do.
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
#[command(after_help = "Examples:
  imgpush image stage noble --file noble.qcow2 && imgpush image import noble --wait
  zstdcat disk.raw.zst | imgpush image stage disk

Staged data is not hashed by the service before it is imported: compare what is printed here with
`imgpush image show` then. `imgpush push` proves what it sends by itself.")]
pub(crate) struct StageArgs {
    /// The image, by name or id
    pub(crate) image: String,

    /// The disk image: a file, or an http or https address; the standard input by default
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Bytes there will be, where a pipe does not say
    #[arg(long, value_name = "BYTES")]
    size: Option<u64>,

    #[command(flatten)]
    glance: GlanceArgs,

    /// Send it even if the import would most likely refuse it
    ///
    /// What names other files (backing files, external extents) is refused all the same.
    #[arg(long)]
    force_format: bool,

    /// How to show progress on stderr
    ///
    /// `auto` is a bar on a terminal and nothing elsewhere; `json` is a line of JSON twice a second.
    #[arg(long, value_name = "HOW", default_value = "auto", num_args = 0..=1,
        default_missing_value = "auto", require_equals = true)]
    pub(crate) progress: ProgressKind,

    /// Print complete digests
    #[arg(long, hide_short_help = true)]
    pub(crate) full: bool,

    /// Show nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Print one JSON object with the result to stdout
    #[arg(long)]
    pub(crate) json: bool,

    /// Memory to stay within: bytes, or with K, M, G
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory,
        hide_short_help = true)]
    memory: u64,

    /// Give up when nothing could be sent for so many seconds
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration,
        hide_short_help = true)]
    idle_timeout: Duration,

    /// Give up when the service has not answered so many seconds after the last byte
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration,
        hide_short_help = true)]
    finish_timeout: Duration,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) proof: ProofArgs,

    #[command(flatten)]
    retry: RetryArgs,
}

impl StageArgs {
    /// What the engine is to do.
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
#[command(after_help = "Examples:
  imgpush image import noble --wait                                      what was staged
  imgpush image import noble --method web-download --uri https://host/noble.img --wait
  imgpush image import noble --method copy-image --store slow --wait     into a further store
  imgpush image import noble --method glance-download --remote-region R2 --remote-image 5f1c…

Exit codes with --wait: 0 active, 24 the import failed, 25 not done in time.")]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(crate) info: Option<ImportCommand>,

    /// The image, by name or id
    #[arg(required = true)]
    image: Option<String>,

    /// Where the data comes from
    #[arg(long, value_name = "METHOD", default_value = "glance-direct")]
    pub(crate) method: ImportMethodName,

    /// The address, for web-download
    #[arg(long, value_name = "URI")]
    pub(crate) uri: Option<String>,

    /// The region to download from, for glance-download
    #[arg(long, value_name = "REGION")]
    pub(crate) remote_region: Option<String>,

    /// The id of the image there, for glance-download
    #[arg(long, value_name = "ID")]
    pub(crate) remote_image: Option<String>,

    /// The interface to use there, for glance-download: public, internal or admin
    #[arg(long, value_name = "INTERFACE")]
    pub(crate) remote_service_interface: Option<String>,

    /// A store for the data; repeat for more
    #[arg(long = "store", value_name = "STORE", conflicts_with = "all_stores")]
    pub(crate) stores: Vec<String>,

    /// Every store there is
    #[arg(long)]
    pub(crate) all_stores: bool,

    /// Go on when one of several stores fails (default)
    #[arg(long, conflicts_with = "disallow_failure")]
    allow_failure: bool,

    /// Undo the import when one of several stores fails
    #[arg(long)]
    pub(crate) disallow_failure: bool,

    /// Wait until the import is done
    ///
    /// An import into several stores that lost some is a failure, unless --allow-failure is given.
    #[arg(long)]
    pub(crate) wait: bool,

    /// With --wait, give up after so many seconds
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "wait")]
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

    /// Whether a store that fails was said to be fine.
    pub(crate) fn may_lose_stores(&self) -> bool {
        self.allow_failure
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportMethodName {
    /// What was staged
    GlanceDirect,
    /// An address that the service fetches
    WebDownload,
    /// An image of another region
    GlanceDownload,
    /// What the image has already, into further stores
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
