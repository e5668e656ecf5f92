//! Raw disks as qcow2 images, compared by qemu-img.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod disks;
mod images;
mod large;
mod qemu;
mod sources;
mod spool;
mod verified;
