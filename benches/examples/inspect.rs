//! The cost of inspection: the time to inspect a file of any size, and the share of detection in the CPU time
//! of hashing while a stream is sent. `cargo xtask bench inspect` builds and runs it; it fails if a goal is
//! missed.
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use bytes::Bytes;
use imgpush_digest::{Algorithm, MultiHasher};
use imgpush_engine::image_formats::Detector;
use imgpush_engine::pool::CHUNK_BYTES;
use imgpush_engine::source::FileSource;
use imgpush_guard::cpu;

const RUNS: usize = 101;
/// Maximum CPU milliseconds to inspect a file.
const MAX_MILLISECONDS: f64 = 5.0;
/// Maximum CPU time of detection, relative to that of the two digests of every push.
const MAX_SHARE: f64 = 0.01;
/// Chunks of the stream.
const CHUNKS: usize = 64;

fn main() -> ExitCode {
    cpu::pin();
    let folder = tempfile::tempdir().unwrap();
    let mut missed = false;

    println!("| file | CPU ms |\n|---|---:|");
    for (name, options, size) in [
        ("raw", "", "64G"),
        ("qcow2", "cluster_size=2M", "4T"),
        ("vmdk", "subformat=streamOptimized", "1T"),
        ("vpc", "subformat=dynamic", "1T"),
        ("vhdx", "", "16T"),
        ("vdi", "", "1T"),
    ] {
        let path = folder.path().join(name);
        if !create(&path, name, options, size) {
            println!("| {name} of {size} | NOT MEASURED: no qemu-img to make it |");
            continue;
        }
        let milliseconds = median(|| inspect(&path)) * 1e3;
        missed |= milliseconds > MAX_MILLISECONDS;
        println!("| {name} of {size} | {milliseconds:.3} |");
    }

    let chunk = Bytes::from((0..CHUNK_BYTES).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let mut shares: Vec<f64> = (0..RUNS / 4)
        .map(|_| {
            let recognised = took(|| detect(&chunk));
            recognised.as_secs_f64() / took(|| hash(&chunk)).as_secs_f64()
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    let share = shares[shares.len() / 2];
    missed |= share > MAX_SHARE;
    println!("\nDetection takes {:.3} % of the CPU time of MD5 and SHA-512.", share * 100.0);
    ExitCode::from(u8::from(missed))
}

/// Creates an empty, sparse disk image.
fn create(path: &Path, format: &str, options: &str, size: &str) -> bool {
    if format == "raw" {
        File::create(path).unwrap().set_len(64 << 30).unwrap();
        return true;
    }
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-f", format]);
    if !options.is_empty() {
        command.args(["-o", options]);
    }
    command.arg(path).arg(size).status().is_ok_and(|status| status.success())
}

fn inspect(path: &Path) {
    let mut source = FileSource::open(path).unwrap();
    assert!(imgpush_engine::inspect(&mut source).unwrap().virtual_size.is_some());
}

fn detect(chunk: &[u8]) {
    let mut detector = Detector::new();
    (0..CHUNKS).for_each(|_| detector.push(chunk));
    assert_eq!(detector.finish().virtual_size, Some((CHUNKS * CHUNK_BYTES) as u64));
}

fn hash(chunk: &Bytes) {
    let mut hasher = MultiHasher::new([Algorithm::Md5, Algorithm::Sha512], NonZeroUsize::MIN);
    (0..CHUNKS).for_each(|_| hasher.update(chunk));
    assert_eq!(hasher.finish().iter().count(), 2);
}

/// The median of the CPU time, in seconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<_> = (0..RUNS).map(|_| took(&mut work).as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn took(work: impl FnOnce()) -> Duration {
    let start = cpu::time();
    work();
    cpu::time() - start
}
