//! Alternating measurements on one core, and candidates for the kernels and the crates that they replace.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

pub mod cpu;
pub mod kernels;
pub mod speeds;
mod turns;

pub use turns::{Candidate, Series, percentile, take_turns};
