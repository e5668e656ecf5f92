//! Downloads of images to files, writers and streams, and verifications of images.
//!
//! Callers use [`Download`] and [`Verification`](verify::Verification); `batch` runs many of them. A
//! destination is complete only after size and digests of the image are verified.

mod converted;
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
