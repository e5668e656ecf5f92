//! The program as users run it: what it prints where, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod again;
mod batch;
mod convert;
mod digest;
mod docs;
mod general;
mod hints;
mod image;
mod inspect;
mod inspect_conversion;
mod odd_sources;
mod process;
mod proof;
mod pull;
mod push;
mod report;
mod sandbox;
mod shards;
mod snapshots;
mod sources;
mod support;
