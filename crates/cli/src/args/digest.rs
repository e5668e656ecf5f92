//! `imgpush digest`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use imgpush_engine::{Algorithm, DigestOptions};

use super::memory::memory;
use super::{Decompress, ProgressKind, SourceArgs};

/// What an image service keeps of an image.
const DEFAULT: [Algorithm; 2] = [Algorithm::Md5, Algorithm::Sha512];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush digest noble.qcow2                    MD5 and SHA-512, as an image service keeps them
  imgpush digest -a sha256 images/ >SHA256SUMS  a list of all files below a folder
  imgpush digest --check SHA256SUMS             whether the files still are what the list says
  imgpush digest https://example.org/noble.img  without a copy on this machine
  imgpush digest --decompress auto disk.raw.zst of what is in it
  cat disk.raw | imgpush digest -               a stream")]
pub(crate) struct DigestArgs {
    /// Files, folders with all files below them, http and https addresses, - for the standard input; lists
    /// with --check
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// A hash algorithm; repeat for more, which cost little [default: md5 sha512]
    ///
    /// md5, sha1, sha224, sha256, sha384, sha512, sha512_256, sha3_224, sha3_256, sha3_384, sha3_512,
    /// blake2b, blake2s or blake3. With --check only the digests by these count.
    #[arg(short, long = "algorithm", value_name = "NAME", value_delimiter = ',')]
    pub(crate) algorithms: Vec<Algorithm>,

    /// Check the files of these lists: SHA256SUMS and its kin, tagged lists, clear-signed ones
    ///
    /// Names in a list are looked for in the working directory, then beside the list. A file that is in
    /// several lists is read once. Signatures of lists are not checked.
    #[arg(short, long)]
    pub(crate) check: bool,

    /// Print lines as the BSDs do, with the algorithm's name: `SHA512 (FILE) = HEX`
    ///
    /// Lines of an algorithm that could be mistaken for another's are always printed so.
    #[arg(long, conflicts_with_all = ["check", "json"])]
    pub(crate) tag: bool,

    /// With --check, say nothing of files that are not there
    #[arg(long, requires = "check")]
    pub(crate) ignore_missing: bool,

    /// With --check, fail when a list has lines that are no digests
    #[arg(long, requires = "check")]
    pub(crate) strict: bool,

    /// Print a line of JSON for each file to stdout
    #[arg(long)]
    pub(crate) json: bool,

    /// Files read at a time; 16 a core by default
    ///
    /// So many keep all lanes of the processor's vector registers busy. A spinning disk is faster
    /// with 1.
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Memory to stay within: bytes, or with K, M, G
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = memory)]
    memory: u64,

    /// How to show progress on stderr
    ///
    /// `auto` is a bar on a terminal and nothing elsewhere; `json` is a line of JSON twice a second.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(crate) progress: ProgressKind,

    /// Show nothing but results and errors; with --check, no files that are well
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    source: SourceArgs,
}

impl DigestArgs {
    /// The algorithms to hash by.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        if self.algorithms.is_empty() { &DEFAULT } else { &self.algorithms }
    }

    /// What the engine is to do.
    pub(crate) fn options(&self) -> DigestOptions {
        let source = self.source.options(Decompress::Never);
        let options = DigestOptions::default().with_memory_bytes(self.memory).with_source(source);
        match self.jobs {
            Some(jobs) => options.with_jobs(jobs),
            None => options,
        }
    }
}
