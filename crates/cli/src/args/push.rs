//! `imgpush push`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_client::Visibility;
use imgpush_engine::PushOptions;
use imgpush_engine::source::SourceOptions;

use super::glance::GlanceArgs;
use super::values::{duration, key_value, visibility};
use super::{BatchArgs, Decompress, ExistsArgs, ProofArgs, RetryArgs, SourceArgs, TargetArgs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush push noble.qcow2
  imgpush push --cloud prod --name noble --property os_distro=ubuntu --tag daily noble.qcow2
  imgpush push https://cloud.example.org/noble.qcow2.xz
  imgpush push --cloud north --cloud south noble.qcow2           read once, sent to both
  imgpush push --jobs 4 --journal nightly.journal images/*.qcow2  safe to run again
  imgpush push noble.qcow2 --checksum-file SHA256SUMS --checksum-signature SHA256SUMS.gpg \\
    --checksum-key ubuntu.gpg
  imgpush push --if-exists skip noble.qcow2                      sends nothing when run again
  nbdcopy -- [ qemu-nbd -r noble.vmdk ] - | imgpush push --name noble -

The id of the image goes to stdout; with several clouds or images a line each: the id, the cloud, the
file. All else goes to stderr. Exit codes: 0 proved, 10 source, 11 format, 12 source not as expected,
20 not authorised, 21 refused, 22 connection, 23 server differs, 24 import failed, 27 not all of them,
130 interrupted.")]
pub(crate) struct PushArgs {
    /// The disk images: files, http or https addresses, or - for the standard input
    ///
    /// What is packed by gzip, xz, zstd or bzip2 is unpacked on the way. Nothing is kept on this machine.
    /// A pattern such as 'images/*.qcow2' that no shell has replaced stands for the files it matches.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The name of the image; the file's name without its ending by default
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The format of the disk, where you know better; recognised by default
    ///
    /// When the data is of another format the push ends before anything is sent.
    #[arg(long, value_name = "FORMAT")]
    disk_format: Option<String>,

    /// Push what is not as --disk-format says, is broken, or would be refused
    ///
    /// Glance inspects `bare` images itself and will most likely refuse them after the last byte.
    /// Formats that name other files (backing files, external extents) are refused all the same.
    #[arg(long)]
    force_format: bool,

    #[command(flatten)]
    glance: GlanceArgs,

    /// What the data is wrapped in
    ///
    /// Glance looks into `bare` images only. Of what is in another container, ami, aki and ari apart,
    /// --disk-format has to be said.
    #[arg(long, value_name = "FORMAT", default_value = "bare")]
    container_format: String,

    /// An extra property; repeat for more
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_value)]
    properties: Vec<(String, String)>,

    /// A tag; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// Who may see the image: private, shared, community or public
    #[arg(long, value_name = "WHO", value_parser = visibility)]
    visibility: Option<Visibility>,

    /// The same as --visibility public
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true)]
    public: bool,

    /// The same as --visibility private
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true)]
    private: bool,

    /// The same as --visibility community
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true)]
    community: bool,

    /// The same as --visibility shared
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true)]
    shared: bool,

    /// Refuse to delete the image
    #[arg(long, hide_short_help = true)]
    protected: bool,

    /// Leave the image out of lists
    #[arg(long, hide_short_help = true)]
    hidden: bool,

    /// The smallest disk it boots from, in GiB; 0 for none
    ///
    /// By default the virtual size of a bare disk image, rounded up, where it is known before the
    /// data is read: not of a raw disk that comes through a pipe.
    #[arg(long, value_name = "GIB", hide_short_help = true)]
    min_disk: Option<u64>,

    /// The least memory it boots with, in MiB
    #[arg(long, value_name = "MIB", hide_short_help = true)]
    min_ram: Option<u64>,

    /// Let a file without bytes become an image without bytes
    #[arg(long, hide_short_help = true)]
    allow_empty: bool,

    /// Leave the image record when the push fails; it is removed by default
    #[arg(long)]
    keep_failed: bool,

    /// Give up when nothing could be sent for so many seconds
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration, hide_short_help = true)]
    idle_timeout: Duration,

    /// Give up when the service has not answered so many seconds after the last byte
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration, hide_short_help = true)]
    finish_timeout: Duration,

    /// Print one JSON document for each image and cloud to stdout
    ///
    /// `--json=full` adds the timeline of each upload.
    #[arg(
        long,
        value_name = "full",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "short",
        hide_possible_values = true
    )]
    pub(crate) json: Option<JsonDetail>,

    /// Write a page on what was pushed, and where the time went, to this file
    ///
    /// One HTML file that needs nothing else: totals, a table, and for each image and cloud a timeline
    /// with advice. It is written at the end, also when pushes fail, and replaces a file of that name.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,

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

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    pub(crate) proof: ProofArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) retry: RetryArgs,

    #[command(flatten)]
    pub(crate) batch: BatchArgs,

    #[command(flatten)]
    pub(crate) exists: ExistsArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressKind {
    Auto,
    Json,
    None,
}

impl PushArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        self.files.iter().find_map(|file| self.target.misfit(file)).or_else(|| self.exists.misfit())
    }

    /// What makes no sense for several images.
    pub(crate) fn misfit_for_several(&self) -> Option<&'static str> {
        let one_only = [
            (self.name.is_some(), "--name"),
            (self.exists.names_one(), "--id"),
            (self.proof.digests().next().is_some(), "--checksum"),
            (self.proof.checksum_name.is_some(), "--checksum-name"),
        ];
        one_only.into_iter().find_map(|(is_given, option)| is_given.then_some(option))
    }

    /// How the engine is to read.
    pub(crate) fn source_options(&self) -> SourceOptions {
        if self.target.is_fetched() {
            return self.source.options(Decompress::Never);
        }
        self.source.options(Decompress::of_image(self.disk_format.as_deref()))
    }

    /// What the engine is to do.
    pub(crate) fn options(&self) -> PushOptions {
        let short = [
            (self.public, Visibility::Public),
            (self.private, Visibility::Private),
            (self.community, Visibility::Community),
            (self.shared, Visibility::Shared),
        ];
        let short = short.into_iter().find_map(|(set, who)| set.then_some(who));
        let mut options = PushOptions::default();
        self.exists.apply(&mut options);
        options.name.clone_from(&self.name);
        options.disk_format.clone_from(&self.disk_format);
        options.force_format = self.force_format;
        options.image_format = self.glance.settings();
        options.container_format.clone_from(&self.container_format);
        options.properties.clone_from(&self.properties);
        options.tags = self.tags.iter().cloned().collect();
        options.visibility = self.visibility.clone().or(short);
        options.protected = self.protected.then_some(true);
        options.hidden = self.hidden.then_some(true);
        options.min_disk = self.min_disk;
        options.min_ram = self.min_ram;
        options.allow_empty = self.allow_empty;
        options.keep_failed = self.keep_failed;
        options.idle_timeout = self.idle_timeout;
        options.finish_timeout = self.finish_timeout;
        options.settle_timeout = self.retry.settle_timeout();
        options.retry = self.retry.options();
        options.slowest = self.target.slowest();
        options
    }
}

/// How much the JSON documents of a push say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JsonDetail {
    Short,
    Full,
}

impl JsonDetail {
    pub(crate) fn is_full(self) -> bool {
        self == JsonDetail::Full
    }
}
