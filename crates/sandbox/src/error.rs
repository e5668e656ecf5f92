//! What keeps the service from starting, and words it does not understand.

use std::path::PathBuf;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The folder cannot be used.
    #[error("cannot keep images in {}", dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A word that names no operation or fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not understood; try {0}")]
pub struct UnknownWord(pub(crate) &'static str);
