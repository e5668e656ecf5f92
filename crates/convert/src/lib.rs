//! Conversion of virtual disks while they are read: a disk in an image format as its raw bytes, and raw bytes
//! as a qcow2.
//!
//! [`Converted`] is a [`Source`](imgpush_source::Source) around the source of an image: qcow2, qcow, QED, VMDK
//! (monolithicSparse, streamOptimized), VHDX, VHD, VDI, Parallels.
//!
//! ```
//! use imgpush_convert::{Converted, ReadOptions};
//! use imgpush_source::{BytesSource, Pool, Source as _};
//!
//! # fn convert(image: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! let source = Box::new(BytesSource::new("disk.qcow2", image));
//! let mut disk = Converted::new(source, &ReadOptions::default())?;
//! let pool = Pool::within(64 << 20);
//! while let Some(chunk) = disk.next_chunk(&pool)? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok(()) }
//! ```
//!
//! # Differences from `qemu-img convert -O raw`
//!
//! The bytes and the size of a disk are those of qemu 10. What is damaged for qemu is damaged here, too. These
//! images are errors here, and not in qemu:
//!
//! - A stored cluster, block, grain or table that ends after the end of the file, since the file is truncated.
//!   qemu reads zeros. The last sectors of a compressed cluster may be missing if its stream ends before.
//! - Images that need other files: backing files, parents (also those of a VHD, which qemu ignores), external
//!   data files and extents.
//! - VDI undo and differencing disks.
//! - Encrypted images.
//! - Images that are valid as two formats.
//! - A VHDX whose log has entries, even if they are not valid.
//! - A table of a Parallels image that is too short for the disk.
//! - A fixed VHD in a pipe, since its size is at its end; and images in a pipe whose parts are in another order
//!   than the disk, if they exceed [`ReadOptions::hold_bytes`].
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod buffers;
mod decode;
mod error;
mod estimate;
mod input;
mod large;
mod options;
mod plan;
mod read;
mod reader;
mod survey;
mod workers;
pub mod write;

pub use error::{ConvertError, RefusalReason};
pub use options::{ReadOptions, Strategy};
pub use read::check;
pub use reader::Converted;
pub use survey::Survey;
