//! How sources are read.

use clap::{Args, ValueEnum};
use imgpush_engine::source::{Io, SourceOptions};

use super::heading;
use super::values::size;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::SOURCE)]
pub(crate) struct SourceArgs {
    /// When to decompress gzip, xz, zstd and bzip2 sources
    ///
    /// The default is `auto`. It is `never` for `digest`, for `inspect`, for `verify --folder`, with
    /// --disk-format or --container-format aki or ari, and with --container-format compressed.
    #[arg(long, value_name = "WHEN")]
    decompress: Option<Decompress>,

    /// Maximum size of the source after decompression [default: unlimited]
    ///
    /// Units are K, M, G and T, powers of 1024.
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    max_size: Option<u64>,

    /// Method to read files
    #[arg(long, value_name = "METHOD", default_value = "read", hide_short_help = true)]
    io: IoKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decompress {
    /// Decompress sources whose first bytes are those of a compression format
    Auto,
    /// Use sources unchanged
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IoKind {
    /// Read ahead into memory
    Read,
    /// Map files into memory, which copies nothing (Linux)
    Mmap,
}

impl Decompress {
    /// The default for an image of these formats. Kernels and ramdisks are stored compressed, as are images
    /// that are declared to be so.
    pub(crate) fn of_image(disk_format: Option<&str>, container_format: Option<&str>) -> Self {
        match (disk_format, container_format) {
            (Some("aki" | "ari"), _) | (_, Some("aki" | "ari" | "compressed")) => Decompress::Never,
            _ => Decompress::Auto,
        }
    }

    /// Options of the engine, all others at their defaults.
    pub(crate) fn options(self) -> SourceOptions {
        let mut options = SourceOptions::default();
        options.decompress = self == Decompress::Auto;
        options
    }
}

impl SourceArgs {
    /// The maximum size of the source.
    pub(crate) fn max_bytes(&self) -> Option<u64> {
        self.max_size
    }

    /// Options of the engine; `default` is that of the command.
    pub(crate) fn options(&self, default: Decompress) -> SourceOptions {
        let mut options = self.decompress.unwrap_or(default).options();
        options.max_bytes = self.max_size;
        options.io = match self.io {
            IoKind::Read => Io::Read,
            IoKind::Mmap => Io::Mmap,
        };
        options
    }
}
