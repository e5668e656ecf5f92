//! Sparse files.

use clap::{Args, ValueEnum};
use imgpush_engine::Sparse;

use super::heading;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::DOWNLOAD)]
pub(crate) struct SparseArgs {
    /// When to write blocks of zeros as holes
    ///
    /// Holes take no disk space.
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_short_help = true)]
    sparse: SparseKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SparseKind {
    /// Write a hole for each aligned block of 64 KiB of zeros, if the file system supports holes
    Auto,
    /// Write all bytes
    Never,
}

impl SparseArgs {
    /// Whether all bytes are written.
    pub(super) fn is_never(&self) -> bool {
        self.sparse == SparseKind::Never
    }

    /// The option of the engine.
    pub(super) fn sparse(&self) -> Sparse {
        match self.sparse {
            SparseKind::Auto => Sparse::Auto,
            SparseKind::Never => Sparse::Never,
        }
    }
}
