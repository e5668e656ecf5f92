//! Images out of a cloud: into files, writers and streams, verified.

mod download;
pub(crate) mod error;
mod expected;
mod fetch;
mod file_id;
mod options;
mod partial_file;
mod random_reads;
pub(crate) mod report;
mod run_files;
mod transfer;
pub(crate) mod verify;
mod writer;

pub(crate) use download::DownloadRun;
pub use download::{Download, VerifiedStream};
pub use options::DownloadOptions;
pub use partial_file::Sparse;
