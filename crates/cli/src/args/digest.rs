//! `imgpush digest`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use imgpush_engine::{Algorithm, DigestOptions};

use super::memory::memory;
use super::{Decompress, JsonArgs, ProgressKind, ShardArgs, SourceArgs, heading};

/// The digests that Glance stores by default.
const DEFAULT: [Algorithm; 2] = [Algorithm::Md5, Algorithm::Sha512];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # MD5 and SHA-512, which Glance stores
  imgpush digest noble.qcow2

  # List of all files below a folder
  imgpush digest -a sha256 images/ > SHA256SUMS

  # Check the files of a list
  imgpush digest --check SHA256SUMS

  # Hash a URL without storing the file
  imgpush digest https://example.org/noble.img

  # Hash the decompressed data
  imgpush digest --decompress auto disk.raw.zst

Exit codes: 0 success, 10 a file cannot be read, 12 a digest differs,
130 interrupted.")]
pub(crate) struct DigestArgs {
    /// Files, folders, HTTP(S) URLs, or - for stdin; lists with --check
    ///
    /// Folders are searched recursively.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    source: SourceArgs,

    /// Hash algorithm (repeatable) [default: md5,sha512]
    ///
    /// One of md5, sha1, sha224, sha256, sha384, sha512, sha512_256, sha3_224, sha3_256, sha3_384,
    /// sha3_512, blake2b, blake2s, blake3. All algorithms are computed in one pass. With --check, only
    /// digests of these algorithms are checked.
    #[arg(short, long = "algorithm", value_name = "ALGORITHM", value_delimiter = ',',
        help_heading = heading::VERIFICATION)]
    pub(crate) algorithms: Vec<Algorithm>,

    /// Check the files in lists such as SHA256SUMS
    ///
    /// Lists can be plain, tagged or clear-signed. Signatures are not verified. File names are looked up in
    /// the working directory, then in the folder of the list. A file in several lists is read once.
    #[arg(short, long, help_heading = heading::VERIFICATION)]
    pub(crate) check: bool,

    /// With --check: ignore missing files
    #[arg(long, requires = "check", help_heading = heading::VERIFICATION)]
    pub(crate) ignore_missing: bool,

    /// With --check: fail if a list has malformed lines
    #[arg(long, requires = "check", help_heading = heading::VERIFICATION)]
    pub(crate) strict: bool,

    /// Number of files to read concurrently [default: 16 per core]
    ///
    /// The default keeps all SIMD lanes of the processor busy. A hard disk is faster with 1.
    #[arg(short, long, value_name = "N", help_heading = heading::BATCH)]
    jobs: Option<NonZeroUsize>,

    /// Memory limit for file data
    ///
    /// Units are K, M and G, powers of 1024.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory,
        hide_short_help = true, help_heading = heading::BATCH)]
    memory: u64,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    /// Print BSD-style lines with the algorithm: `SHA512 (FILE) = HEX`
    ///
    /// Digests whose algorithm is ambiguous are always printed in this style.
    #[arg(long, conflicts_with_all = ["check", "json", "format"],
        help_heading = heading::OUTPUT)]
    pub(crate) tag: bool,

    #[command(flatten)]
    pub(crate) json: JsonArgs,

    /// Progress display on stderr
    #[arg(long, value_name = "MODE", default_value = "auto", hide_short_help = true,
        help_heading = heading::OUTPUT)]
    pub(crate) progress: ProgressKind,

    /// Print only results and errors; with --check, only failures
    #[arg(short, long, help_heading = heading::OUTPUT)]
    pub(crate) quiet: bool,
}

impl DigestArgs {
    /// The hash algorithms.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        if self.algorithms.is_empty() { &DEFAULT } else { &self.algorithms }
    }

    /// The options of the engine.
    pub(crate) fn options(&self) -> DigestOptions {
        let source = self.source.options(Decompress::Never);
        let options = DigestOptions::default().with_memory_bytes(self.memory).with_source(source);
        match self.jobs {
            Some(jobs) => options.with_jobs(jobs),
            None => options,
        }
    }
}
