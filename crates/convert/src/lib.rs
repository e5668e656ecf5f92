//! Conversion of virtual disks while they are read: a disk in an image format as its raw bytes, and raw bytes
//! as a qcow2.
//!
//! [`Converted`] is a [`Source`](imgpush_source::Source) around the source of an image: qcow2, qcow, QED, VMDK
//! (monolithicSparse, streamOptimized), VHDX, VHD, VDI, Parallels. Images that need other files are refused,
//! as are encrypted ones. A truncated image is an error, and never a shorter or empty disk.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod buffers;
mod checksum;
mod decode;
mod error;
mod fields;
mod input;
mod large;
mod options;
mod plan;
mod read;
mod reader;
mod survey;
mod workers;

pub use error::{ConvertError, RefusalReason};
pub use options::{ReadOptions, Strategy};
pub use reader::Converted;
pub use survey::Survey;
