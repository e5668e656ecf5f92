//! Images out of a cloud: into files, writers and streams, verified.

mod download;
pub(crate) mod error;
mod expected;
mod fetch;
mod options;
mod partial_file;
pub(crate) mod report;
mod transfer;
pub(crate) mod verify;
mod writer;

pub use download::{Download, VerifiedStream};
pub use options::DownloadOptions;
pub use partial_file::Sparse;
