//! The time that no verified push can be faster than: MD5 and SHA-512 are sequential, so it takes as long as
//! the slower of them on a core of its own, by the fastest code that is there.

use std::time::Instant;

use imgpush_digest::{Algorithm, Stream};
use imgpush_engine::pool::CHUNK_BYTES;

use crate::lab::Lab;
use imgpush_benches::process::succeed;

/// Seconds for MD5 and SHA-512 of this number of bytes on two idle cores, of data in the cache.
pub(crate) fn seconds(lab: &Lab, bytes: u64) -> f64 {
    let fastest = |algorithm| own(algorithm, bytes).min(openssl(lab, algorithm, bytes));
    fastest(Algorithm::Md5).max(fastest(Algorithm::Sha512))
}

fn own(algorithm: Algorithm, bytes: u64) -> f64 {
    let chunk = vec![7; CHUNK_BYTES];
    let mut stream = Stream::new([algorithm]);
    let start = Instant::now();
    for _ in 0..bytes / CHUNK_BYTES as u64 {
        stream.update(&chunk);
    }
    assert_eq!(stream.finish().iter().count(), 1);
    start.elapsed().as_secs_f64()
}

fn openssl(lab: &Lab, algorithm: Algorithm, bytes: u64) -> f64 {
    let mut command = lab.command(&lab.python.join("python"));
    command.arg(lab.script("hash_speed.py")).arg(algorithm.name());
    command.arg((bytes >> 20).to_string());
    succeed(&mut command).stdout.trim().parse().unwrap()
}
