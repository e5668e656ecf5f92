//! A source is what was published, or it never becomes an image; against the sandbox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod gnupg;
mod lists;
mod names;
mod pushes;
mod scene;
mod signatures;
mod signer;
mod sources;
