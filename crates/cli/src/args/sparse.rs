//! How images are written to files.

use clap::{Args, ValueEnum};
use imgpush_engine::Sparse;

#[derive(Debug, Args)]
pub(crate) struct SparseArgs {
    /// Whether to write blocks of zeros as holes, which take no disk space
    ///
    /// `auto` makes a hole of each aligned block of 64 KiB that has only zeros, where the file system has
    /// holes. `never` writes all bytes.
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_short_help = true)]
    sparse: SparseKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SparseKind {
    Auto,
    Never,
}

impl SparseArgs {
    /// For the engine.
    pub(super) fn sparse(&self) -> Sparse {
        match self.sparse {
            SparseKind::Auto => Sparse::Auto,
            SparseKind::Never => Sparse::Never,
        }
    }
}
