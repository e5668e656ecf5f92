//! A source that differs from its published checksum never becomes an image; against the sandbox.

mod pushes;
mod scene;
mod signed;
#[expect(dead_code, reason = "the tests of signatures use the rest")]
#[path = "../../../../source/tests/checksum/signer.rs"]
mod signer;
