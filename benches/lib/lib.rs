//! Common helpers of the benchmarks.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

pub mod data;
pub mod machine;
pub mod process;
pub mod sink;
pub mod table;
pub mod turns;
