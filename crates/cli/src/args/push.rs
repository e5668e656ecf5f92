//! `imgpush push`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use imgpush_client::Visibility;
use imgpush_engine::source::{SourceOptions, is_read_once};
use imgpush_engine::{Conversion, PushOptions};

use super::glance::GlanceArgs;
use super::json::{OnlyJson, only_json};
use super::property::{property_of_upload, set_properties};
use super::values::{duration, visibility};
use super::{
    BatchArgs, CloudFormat, ConversionArgs, Decompress, DisplayArgs, ExistsArgs, OutputKind,
    ProofArgs, RequeueArgs, RetryArgs, ShardArgs, SourceArgs, TargetArgs, heading,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Upload a file as image \"noble\"
  imgpush push noble.qcow2

  # Set name, properties and tags
  imgpush push --cloud prod --name noble-daily --property os_distro=ubuntu \\
    --tag daily noble.qcow2

  # Download, decompress and upload in one pass
  imgpush push https://cloud.example.org/noble.qcow2.xz

  # Read once, upload to two clouds
  imgpush push --cloud north --cloud south noble.qcow2

  # Upload many images; repeat the command to resume
  imgpush push --jobs 4 --journal nightly.journal images/*.qcow2

  # Verify the source with a signed list
  imgpush push noble.qcow2 --checksum-file SHA256SUMS \\
    --checksum-signature SHA256SUMS.gpg --checksum-key ubuntu.gpg

  # Upload only if the cloud does not have the image yet
  imgpush push --if-exists skip noble.qcow2

  # Convert during the upload, for one of the clouds
  imgpush push --cloud north --cloud south --convert south=raw noble.qcow2

Output: the image id on stdout; for several images or clouds, one line with id,
cloud and file each. Messages and progress go to stderr.

Exit codes:
   0  uploaded and verified        21  refused by Glance
  10  source cannot be read        22  connection failed
  11  format refused               23  stored data differs
  12  source digest differs        24  import failed
  20  not authorised               27  some uploads failed")]
pub(crate) struct PushArgs {
    /// Disk images: files, HTTP(S) URLs, or - for stdin
    ///
    /// Sources compressed with gzip, xz, zstd or bzip2 are decompressed during the upload. No temporary
    /// files are written. A quoted pattern such as 'images/*.qcow2' stands for the matching files.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Image name [default: file name without extension]
    #[arg(long, value_name = "NAME", help_heading = heading::IMAGE)]
    name: Option<String>,

    /// Disk format, such as qcow2 or raw [default: detected]
    ///
    /// The push fails if the data has another format.
    #[arg(long, value_name = "FORMAT", help_heading = heading::IMAGE)]
    disk_format: Option<String>,

    /// Upload even if the format check fails
    ///
    /// The check fails if the data does not match --disk-format, is damaged, or would be refused by Glance.
    /// Glance inspects `bare` images and will probably refuse such data after the last byte. Images that
    /// refer to other files, such as a backing file, are always refused.
    #[arg(long, hide_short_help = true, help_heading = heading::IMAGE)]
    force_format: bool,

    #[command(flatten)]
    glance: GlanceArgs,

    /// Container format
    ///
    /// Glance inspects only `bare` images. Other containers need --disk-format, except ami, aki and ari.
    #[arg(long, value_name = "FORMAT", default_value = "bare", hide_short_help = true,
        help_heading = heading::IMAGE)]
    container_format: String,

    /// Image property (repeatable)
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = property_of_upload,
        help_heading = heading::IMAGE)]
    properties: Vec<(String, String)>,

    /// Image tag (repeatable)
    #[arg(long = "tag", value_name = "TAG", help_heading = heading::IMAGE)]
    tags: Vec<String>,

    /// Visibility: private, shared, community or public
    ///
    /// The default is that of the service, usually shared.
    #[arg(long, value_name = "VISIBILITY", value_parser = visibility,
        help_heading = heading::IMAGE)]
    visibility: Option<Visibility>,

    /// Same as --visibility public
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true,
        help_heading = heading::IMAGE)]
    public: bool,

    /// Same as --visibility private
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true,
        help_heading = heading::IMAGE)]
    private: bool,

    /// Same as --visibility community
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true,
        help_heading = heading::IMAGE)]
    community: bool,

    /// Same as --visibility shared
    #[arg(long, conflicts_with = "visibility", group = "who", hide_short_help = true,
        help_heading = heading::IMAGE)]
    shared: bool,

    /// Protect the image from deletion
    #[arg(long, hide_short_help = true, help_heading = heading::IMAGE)]
    protected: bool,

    /// Hide the image from image lists
    #[arg(long, hide_short_help = true, help_heading = heading::IMAGE)]
    hidden: bool,

    /// Minimum disk size for servers, in GiB [default: virtual size]
    ///
    /// The default is the virtual size of a bare disk image, rounded up. It is not set if that size is
    /// unknown before the data is read, as for a raw disk from stdin. 0 means no minimum.
    #[arg(long, value_name = "GIB", hide_short_help = true, help_heading = heading::IMAGE)]
    min_disk: Option<u64>,

    /// Minimum memory for servers, in MiB
    #[arg(long, value_name = "MIB", hide_short_help = true, help_heading = heading::IMAGE)]
    min_ram: Option<u64>,

    /// Allow an empty source, which makes an image of 0 bytes
    #[arg(long, hide_short_help = true, help_heading = heading::IMAGE)]
    allow_empty: bool,

    /// Size of the source in bytes, before decompression; another size is an error
    ///
    /// It is needed for URLs whose server reports no size, unless a checksum is given, and for a pipe if a
    /// proxy requires the length of uploads.
    #[arg(long, value_name = "BYTES", hide_short_help = true, help_heading = heading::SOURCE)]
    size: Option<u64>,

    #[command(flatten)]
    source: SourceArgs,

    /// Convert the image to raw or qcow2 during the upload, for all clouds or one
    ///
    /// Repeat the option for clouds with different formats; a cloud without a format gets the image as it is. The
    /// source is then read once for each format. Virtual disks can be qcow2, VMDK, VHDX, VHD, VDI, QED or Parallels
    /// images. For qcow2 the source is read twice, or once with --spool. Checksums are those of the source, the
    /// digests in Glance those of the result. --max-size also limits the result, before anything is sent.
    #[arg(long, value_name = "[CLOUD=]FORMAT", value_parser = CloudFormat::parsed,
        help_heading = heading::CONVERSION)]
    convert: Vec<CloudFormat>,

    #[command(flatten)]
    conversion: ConversionArgs,

    #[command(flatten)]
    pub(crate) proof: ProofArgs,

    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) retry: RetryArgs,

    /// Time-out for a connection that accepts no data
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration,
        hide_short_help = true, help_heading = heading::UPLOAD)]
    idle_timeout: Duration,

    /// Time-out for the response of Glance after the last byte
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration,
        hide_short_help = true, help_heading = heading::UPLOAD)]
    finish_timeout: Duration,

    /// Keep the image record of a failed push; by default it is deleted
    #[arg(long, hide_short_help = true, help_heading = heading::UPLOAD)]
    keep_failed: bool,

    #[command(flatten)]
    pub(crate) exists: ExistsArgs,

    #[command(flatten)]
    pub(crate) batch: BatchArgs,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    #[command(flatten)]
    pub(crate) requeue: RequeueArgs,

    /// Print results as JSON, one object per line
    ///
    /// --json=full adds the timeline of each upload.
    #[arg(
        long,
        value_name = "full",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "short",
        hide_possible_values = true,
        help_heading = heading::OUTPUT
    )]
    json: Option<JsonDetail>,

    /// Same as --json; the only format is `json`
    #[arg(short = 'f', long, value_name = "FORMAT", value_parser = only_json,
        conflicts_with = "json", hide_short_help = true, help_heading = heading::OUTPUT)]
    format: Option<OnlyJson>,

    /// Write an HTML report to FILE
    ///
    /// The report is one file without scripts: totals, a table, and a timeline with advice for each image
    /// and cloud. It is written at the end, also after failures. An existing file is an error without
    /// --overwrite.
    #[arg(long, value_name = "FILE", help_heading = heading::OUTPUT)]
    pub(crate) report: Option<PathBuf>,

    /// Replace an existing report; without it, the file is an error
    #[arg(long, requires = "report", hide_short_help = true, help_heading = heading::OUTPUT)]
    pub(crate) overwrite: bool,

    #[command(flatten)]
    pub(crate) display: DisplayArgs,
}

impl PushArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        if !self.convert.is_empty() && self.target.is_fetched() {
            return Some(
                "--convert and --via web-download exclude each other: Glance fetches the data itself",
            );
        }
        if self.convert.is_empty()
            && let Some(misfit) = self.conversion.misfit_without_conversion()
        {
            return Some(misfit);
        }
        self.files.iter().find_map(|file| self.target.misfit(file)).or_else(|| self.exists.misfit())
    }

    /// The option that does not fit several images, if any.
    pub(crate) fn misfit_for_several(&self) -> Option<&'static str> {
        let one_only = [
            (self.name.is_some(), "--name"),
            (self.exists.names_one(), "--id"),
            (self.proof.digests().next().is_some(), "--checksum"),
            (self.size.is_some(), "--size"),
            (self.proof.checksum_name.is_some(), "--checksum-name"),
        ];
        one_only.into_iter().find_map(|(is_given, option)| is_given.then_some(option))
    }

    /// The options to read the sources.
    pub(crate) fn source_options(&self) -> SourceOptions {
        let decompress = match self.target.is_fetched() {
            true => Decompress::Never,
            false => {
                Decompress::of_image(self.disk_format.as_deref(), Some(&self.container_format))
            }
        };
        let mut options = self.source.options(decompress);
        options.size = self.size;
        options
    }

    /// The format that the image gets in this cloud; none to leave it as it is.
    pub(crate) fn format_for(&self, cloud: &str) -> Option<OutputKind> {
        let of = |wanted: Option<&str>| {
            let mut formats = self.convert.iter();
            formats.find(|format| format.cloud.as_deref() == wanted).map(|format| format.to)
        };
        of(Some(cloud)).or_else(|| of(None))
    }

    /// What is wrong with the formats for these clouds.
    pub(crate) fn formats_misfit<'c>(
        &self,
        mut clouds: impl Iterator<Item = &'c str> + Clone,
    ) -> Option<String> {
        let mut seen = HashSet::new();
        for CloudFormat { cloud, .. } in &self.convert {
            let shown = cloud.as_deref().unwrap_or("all clouds");
            if !seen.insert(cloud) {
                return Some(format!("--convert names two formats for {shown}"));
            }
            if cloud.is_some() && !clouds.clone().any(|name| name == shown) {
                return Some(format!("--convert names the cloud {shown}, which is not pushed to"));
            }
        }
        let first = self.format_for(clouds.next()?);
        let differ = clouds.any(|cloud| self.format_for(cloud) != first);
        let stream = self.files.iter().find(|file| is_read_once(file)).filter(|_| differ)?;
        Some(format!(
            "{} can be read only once, and --convert names different formats",
            stream.display()
        ))
    }

    /// The conversion of the sources to a format.
    pub(crate) fn conversion(&self, to: OutputKind) -> Conversion {
        let mut conversion = self.conversion.conversion(to);
        conversion.max_bytes = self.source.max_bytes();
        conversion
    }

    /// The details of JSON documents, if results are printed as JSON.
    pub(crate) fn json(&self) -> Option<JsonDetail> {
        self.json.or(self.format.map(|OnlyJson| JsonDetail::Short))
    }

    /// The options of the engine.
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
        set_properties(&mut options, &self.properties);
        options
    }
}

/// The details in the JSON documents of a push.
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
