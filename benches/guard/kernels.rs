//! Candidates: the kernels, and the portable crates.

use imgpush_digest::{Algorithm, Platform, Stream};
use sha2::Digest as _;

use crate::turns::Candidate;

/// The usual size of a read buffer.
pub const BUFFER_BYTES: usize = 256 << 10;
/// The number of buffers in a slice of the benchmark.
const BUFFERS: usize = 16;

/// Bytes that are not all equal.
#[must_use]
pub fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8).collect()
}

/// A candidate that hashes a slice, buffer by buffer.
pub fn buffers<N>(name: N, mut update: impl FnMut(&[u8]) + 'static) -> Candidate<N> {
    let buffer = pattern(BUFFER_BYTES);
    let slice = move || {
        (0..BUFFERS).for_each(|_| update(&buffer));
        BUFFERS * BUFFER_BYTES
    };
    Candidate { name, slice: Box::new(slice) }
}

/// One stream with these kernels.
#[must_use]
pub fn own<N>(name: N, platform: Platform, algorithms: &[Algorithm]) -> Candidate<N> {
    let mut stream = Stream::on(platform, algorithms.iter().copied());
    buffers(name, move |buffer| stream.update(buffer))
}

/// MD5 with the crate.
#[must_use]
pub fn crate_md5<N>(name: N) -> Candidate<N> {
    let mut md5 = md5::Md5::new();
    buffers(name, move |buffer| md5.update(buffer))
}

/// MD5, then SHA-512 with the crates.
#[must_use]
pub fn crates_pair<N>(name: N) -> Candidate<N> {
    let (mut md5, mut sha512) = (md5::Md5::new(), sha2::Sha512::new());
    buffers(name, move |buffer| {
        md5.update(buffer);
        sha512.update(buffer);
    })
}
