//! A source is what was published, or it never becomes an image; against the sandbox.

mod pushes;
mod scene;
mod signed;
#[expect(dead_code, reason = "the tests of signatures use the rest")]
#[path = "../../../../source/tests/checksum/signer.rs"]
mod signer;
