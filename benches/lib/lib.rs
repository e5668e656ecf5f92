//! Common helpers of the benchmarks.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

pub mod data;
pub mod process;
