//! A source with an expected checksum finishes only if its content has it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod gnupg;
mod lists;
mod names;
mod signatures;
mod signer;
mod sources;
