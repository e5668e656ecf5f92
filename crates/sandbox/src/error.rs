//! Errors of starting the service and of parsing names.

use std::path::PathBuf;

/// An error of [`Sandbox::start`](crate::Sandbox::start).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service cannot listen on the address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The directory cannot be used.
    #[error("cannot store images in {}", dir.display())]
    Folder {
        /// The directory.
        dir: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file of users is not valid.
    #[error("cannot use the users in {}: {reason}", path.display())]
    Users {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
}

/// The error of parsing a name that is no operation or fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid; expected {0}")]
pub struct UnknownWord(pub(crate) &'static str);
