//! What is there already is not made again, and what is to take its place does so whole; against the sandbox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/counted.rs"]
mod counted;
mod ids;
mod modes;
mod others;
mod published;
mod records;
mod replacing;
mod scene;
