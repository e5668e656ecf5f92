//! Tests of the engine, most of them against the sandbox. They are a single program, because linking each
//! file on its own would take as long as its tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod cancelling;
mod checksum;
mod converting_files;
mod converting_services;
mod counted;
mod digesting;
mod downloads;
mod if_exists;
mod many_targets;
mod optional_requests;
mod progress_events;
mod push_faults;
mod refusals;
mod reports;
mod settling;
mod source_pushes;
mod stages;
mod staging;
mod transient_sources;
