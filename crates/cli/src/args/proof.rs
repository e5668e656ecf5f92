//! Expected digests and signatures of a source.

use std::path::PathBuf;

use clap::Args;
use imgpush_engine::Digest;

use super::heading;

/// Without any of them the source is not compared with anything.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::VERIFICATION)]
pub(crate) struct ProofArgs {
    /// Expected digest of the source: sha256:HEX or HEX (repeatable)
    ///
    /// The digest of a compressed source can be that of the file or of the decompressed data. All
    /// algorithms of `imgpush digest` are accepted. The last chunk is withheld until the digest matches.
    #[arg(long = "checksum", value_name = "DIGEST")]
    checksums: Vec<Digest>,

    /// List of digests, such as SHA256SUMS: a file or URL
    ///
    /// The source is looked up by its file name, with and without the extension of a compression format.
    /// All digests listed for it must match. A file that contains a single digest is accepted too.
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) checksum_file: Option<PathBuf>,

    /// Name of the source in the list [default: its file name]
    ///
    /// Needed for stdin, and if the list has another name.
    #[arg(long, value_name = "NAME", requires = "checksum_file", hide_short_help = true)]
    pub(crate) checksum_name: Option<String>,

    #[cfg(feature = "openpgp")]
    /// Detached OpenPGP signature of the list: a file or URL
    ///
    /// A clear-signed list contains its signature and does not need this option.
    #[arg(long, value_name = "FILE|URL", requires = "checksum_file", hide_short_help = true)]
    pub(crate) checksum_signature: Option<PathBuf>,

    #[cfg(feature = "openpgp")]
    /// OpenPGP public keys for the signed list (repeatable)
    ///
    /// The list must be signed by one of the keys.
    #[arg(long = "checksum-key", value_name = "FILE", requires = "checksum_file")]
    pub(crate) checksum_keys: Vec<PathBuf>,
}

impl ProofArgs {
    /// The digests given on the command line.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.checksums.iter().copied()
    }
}
