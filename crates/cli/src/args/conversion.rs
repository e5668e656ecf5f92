//! How images are converted.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use imgpush_engine::disks::ReadOptions;
use imgpush_engine::disks::write::{ClusterCompression, WriteOptions};
use imgpush_engine::{Conversion, OutputFormat};

use super::heading;

/// The options of a conversion that all commands share.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::CONVERSION)]
pub(crate) struct ConversionArgs {
    /// Compression of the clusters of a qcow2 [default: zlib]
    #[arg(long, value_name = "METHOD", hide_short_help = true)]
    compress: Option<CompressKind>,

    /// Folder for temporary files
    ///
    /// A qcow2 that is uploaded is then made in one pass over the source instead of two. A qcow2 from a pipe needs
    /// it, and so does a piped image that needs more than 64 MiB of memory. The files are deleted at the end.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    spool: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputKind {
    /// The bytes of the disk
    Raw,
    /// qcow2, without the parts of the disk that are zeros
    Qcow2,
}

/// The format for all clouds, or for one of them.
#[derive(Clone, Debug)]
pub(crate) struct CloudFormat {
    pub(crate) cloud: Option<String>,
    pub(crate) to: OutputKind,
}

impl CloudFormat {
    pub(super) fn parsed(text: &str) -> Result<Self, String> {
        let (cloud, format) = match text.rsplit_once('=') {
            Some((cloud, format)) => (Some(cloud.to_owned()), format),
            None => (None, text),
        };
        let to = OutputKind::from_str(format, false).map_err(|_| {
            "expected raw or qcow2, or one of them for a cloud: CLOUD=raw".to_owned()
        })?;
        Ok(CloudFormat { cloud, to })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CompressKind {
    /// Readable by every program
    #[default]
    Zlib,
    /// Faster and smaller; needs qemu 5.1
    Zstd,
    /// Stored as they are
    None,
}

impl ConversionArgs {
    /// What does not fit a command that converts nothing.
    pub(crate) fn misfit_without_conversion(&self) -> Option<&'static str> {
        if self.compress.is_some() {
            return Some("--compress needs --convert");
        }
        self.spool.is_some().then_some("--spool needs --convert")
    }

    /// The conversion to this format.
    pub(crate) fn conversion(&self, to: OutputKind) -> Conversion {
        let compression = match self.compress.unwrap_or_default() {
            CompressKind::Zlib => ClusterCompression::Zlib,
            CompressKind::Zstd => ClusterCompression::Zstd,
            CompressKind::None => ClusterCompression::None,
        };
        let mut read = ReadOptions::default();
        read.spool.clone_from(&self.spool);
        let to = match to {
            OutputKind::Raw => OutputFormat::Raw,
            OutputKind::Qcow2 => OutputFormat::Qcow2,
        };
        let mut write = WriteOptions::default().with_compression(compression);
        write.spool.clone_from(&self.spool);
        Conversion::to(to).with_read(read).with_write(write)
    }
}
