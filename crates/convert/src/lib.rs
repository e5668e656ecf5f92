//! Conversion of virtual disks while they are read: a disk in an image format as its raw bytes, and raw bytes
//! as a qcow2.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]
