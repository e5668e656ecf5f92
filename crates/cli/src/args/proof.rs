//! What the source of a push has to be.

use std::path::PathBuf;

use clap::Args;
use imgpush_engine::Digest;

/// Without any of them the source is taken as it is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Proof of the source")]
pub(crate) struct ProofArgs {
    /// A digest that the file has to have, as sha256:HEX or HEX; repeat for more
    ///
    /// Of what is packed, either of the file or of what is in it. All algorithms of `imgpush digest` are
    /// known. The end of the data is held back until it is proved, so nothing else becomes an image.
    #[arg(long = "checksum", value_name = "ALGORITHM:HEX")]
    checksums: Vec<Digest>,

    /// A list with the digest of the file, such as SHA256SUMS: a file or an address
    ///
    /// The file is looked for by its name, and by the name it has unpacked. All digests there are of it
    /// have to be right. A file that is nothing but one digest is taken too.
    #[arg(long, value_name = "LIST")]
    pub(crate) checksum_file: Option<PathBuf>,

    /// The name of the file in the list, when it has another or comes through a pipe
    #[arg(long, value_name = "NAME", requires = "checksum_file", hide_short_help = true)]
    pub(crate) checksum_name: Option<String>,

    #[cfg(feature = "openpgp")]
    /// The OpenPGP signature of the list, a file or an address; not for one that has it in itself
    #[arg(long, value_name = "FILE", requires = "checksum_file", hide_short_help = true)]
    pub(crate) checksum_signature: Option<PathBuf>,

    #[cfg(feature = "openpgp")]
    /// A file with public keys, one of which has to have signed the list; repeat for more
    #[arg(long = "checksum-key", value_name = "FILE", requires = "checksum_file")]
    pub(crate) checksum_keys: Vec<PathBuf>,
}

impl ProofArgs {
    /// The digests that were given themselves.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.checksums.iter().copied()
    }
}
