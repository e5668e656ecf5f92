//! The speed of each kernel in this build, which `cargo xtask bench guard` compares with other builds.

use imgpush_digest::Algorithm::{Md5, Sha256, Sha512};
use imgpush_digest::{Algorithm, Platform, Stream, update_many};

use crate::cpu;
use crate::kernels::pattern;

/// Small enough that all lanes together stay in the second-level cache.
const BUFFER_BYTES: usize = 32 << 10;
/// Bytes between two clock readings: one to three milliseconds.
const SLICE_BYTES: usize = 1 << 20;
/// Few, since processes of one build differ more than slices of one process: more processes are better than
/// more slices.
const SLICES: usize = 8;

/// A kernel: its name, the number of streams, and their algorithms.
type Kernel = (&'static str, usize, &'static [Algorithm]);

/// SHA-256 alone is omitted, as it uses the kernel of another crate.
const KERNELS: [Kernel; 7] = [
    ("MD5", 1, &[Md5]),
    ("SHA-512", 1, &[Sha512]),
    ("MD5+SHA-256", 1, &[Md5, Sha256]),
    ("MD5+SHA-512", 1, &[Md5, Sha512]),
    ("MD5+SHA-512+SHA-256", 1, &[Md5, Sha512, Sha256]),
    ("16 x MD5", 16, &[Md5]),
    ("16 x SHA-512", 16, &[Sha512]),
];

/// The maximum speed of each kernel in MB/s.
///
/// # Panics
///
/// If a slice has gigabytes.
#[must_use]
pub fn speeds() -> Vec<(&'static str, f64)> {
    let buffer = pattern(BUFFER_BYTES);
    KERNELS.map(|kernel| (kernel.0, speed(kernel, &buffer))).to_vec()
}

fn speed((_, number, algorithms): Kernel, buffer: &[u8]) -> f64 {
    let mut streams: Vec<Stream> =
        (0..number).map(|_| Stream::on(Platform::detect(), algorithms.iter().copied())).collect();
    let mut best: f64 = 0.0;
    for _ in 0..SLICES {
        let start = cpu::time();
        let mut bytes = 0_u32;
        while (bytes as usize) < SLICE_BYTES {
            let mut pieces: Vec<(&mut Stream, &[u8])> =
                streams.iter_mut().map(|stream| (stream, buffer)).collect();
            update_many(&mut pieces);
            bytes += u32::try_from(number * buffer.len()).expect("a slice is a few MB");
        }
        let took = cpu::time() - start;
        best = best.max(f64::from(bytes) / took.as_secs_f64() / 1e6);
    }
    best
}
