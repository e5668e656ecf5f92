//! How what a verb names is read.

use clap::{Args, ValueEnum};
use imgpush_engine::source::{Io, SourceOptions};

use super::values::size;

#[derive(Debug, Args)]
#[command(next_help_heading = "Source options")]
pub(crate) struct SourceArgs {
    /// Unpack gzip, xz, zstd and bzip2 on the way; by default all but `digest` and `inspect` do
    ///
    /// What is packed is known by its first bytes, not by its name. `never` takes it as it is, which is
    /// also the default with --disk-format aki and ari.
    #[arg(long, value_name = "WHEN")]
    decompress: Option<Decompress>,

    /// Refuse what has more bytes than this when it is unpacked; no limit by default
    #[arg(long, value_name = "SIZE", value_parser = size, hide_short_help = true)]
    max_size: Option<u64>,

    /// How files are read: ahead into memory, or mapped, which copies nothing (Linux)
    #[arg(long, value_name = "HOW", default_value = "read", hide_short_help = true)]
    io: IoKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Decompress {
    Auto,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IoKind {
    Read,
    Mmap,
}

impl Decompress {
    /// For an image of this `disk_format`: a kernel and what it starts from are packed as they shall be.
    pub(crate) fn of_image(disk_format: Option<&str>) -> Self {
        match disk_format {
            Some("aki" | "ari") => Decompress::Never,
            _ => Decompress::Auto,
        }
    }

    /// For the engine, and no other option.
    pub(crate) fn options(self) -> SourceOptions {
        let mut options = SourceOptions::default();
        options.decompress = self == Decompress::Auto;
        options
    }
}

impl SourceArgs {
    /// For the engine, where `default` is what the verb does with packed sources.
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
