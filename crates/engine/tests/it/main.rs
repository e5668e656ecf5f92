//! Tests of the engine, most of them against the sandbox, in one program: each one that is linked by itself
//! costs a build as much time as its tests take.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod cancelling;
mod checksum;
mod counted;
mod digesting;
mod downloads;
mod if_exists;
mod many_targets;
mod progress_events;
mod push_faults;
mod refusals;
mod reports;
mod settling;
mod source_pushes;
mod stages;
mod staging;
mod transient_sources;
