//! Layouts: where the bytes of a disk are in its image. One module a format.

mod header;
mod layout;
mod markers;
mod open;
mod pages;
mod parallels;
mod qcow;
mod qcow2;
mod qed;
mod vdi;
mod vhd;
mod vhdx;
mod vmdk;

pub(crate) use layout::{Codec, CompressedCluster, Content, Extent, Layout, Lost};
pub use open::check;
pub(crate) use open::{inspect, open, open_stream};
