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
    /// Compression of the clusters of a qcow2
    #[arg(long, value_name = "METHOD", default_value = "zlib", hide_short_help = true)]
    compress: CompressKind,

    /// Folder for temporary files, for data that can be read only once
    ///
    /// A qcow2 that is sent must have a known size, so its source is read and compressed twice. With --spool, its
    /// compressed clusters are written to a file first, and the source can be a pipe. An image from a pipe is
    /// read once from start to end: parts of it that are needed later are held in memory up to 64 MiB, and beyond
    /// that in a file. Without --spool, both are errors. The files have no names and are gone at the end.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CompressKind {
    /// Readable by every program
    Zlib,
    /// Faster and smaller; needs qemu 5.1
    Zstd,
    /// Stored as they are
    None,
}

impl ConversionArgs {
    /// The conversion to this format.
    pub(crate) fn conversion(&self, to: OutputKind) -> Conversion {
        let compression = match self.compress {
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
