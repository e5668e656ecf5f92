//! Data, its digests, and helpers of these tests.

use std::io::Read as _;

use imgpush_source::{ChecksumError, SourceError};
use imgpush_source::{Source, SourceOptions};
use sha2::Digest as _;

/// The size of several chunks and a part of one.
pub(crate) const BYTES: usize = (9 << 20) + 17;

/// Bytes that compress to a part of their size, different for each seed.
pub(crate) fn content(seed: u8) -> Vec<u8> {
    (0..BYTES).map(|at| (at % 251) as u8 ^ (at >> 13) as u8 ^ seed).collect()
}

pub(crate) fn xz(data: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    liblzma::read::XzEncoder::new(data, 0).read_to_end(&mut compressed).unwrap();
    compressed
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(data: &[u8]) -> String {
    hex(sha2::Sha256::digest(data))
}

pub(crate) fn sha512(data: &[u8]) -> String {
    hex(sha2::Sha512::digest(data))
}

pub(crate) fn unpacking() -> SourceOptions {
    let mut options = SourceOptions::default();
    options.decompress = true;
    options
}

/// The error of a source that cannot be verified.
pub(crate) fn unprovable(result: Result<Box<dyn Source>, SourceError>) -> ChecksumError {
    match result.map(|source| source.name().to_owned()) {
        Err(SourceError::Unverified(error)) => *error,
        other => panic!("{other:?}"),
    }
}
