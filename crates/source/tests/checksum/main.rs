//! A source is what was published, or it does not finish.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod gnupg;
mod lists;
mod names;
mod signatures;
mod signer;
mod sources;
