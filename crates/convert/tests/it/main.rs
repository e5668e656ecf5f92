//! Virtual disks, compared with qemu-img.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;
mod disks;
mod mutated;
mod qemu;
mod raw;
mod refused;
mod same_bytes;
mod strategies;
mod stream_optimized;
mod survey;
mod traps;
mod wrapper;
