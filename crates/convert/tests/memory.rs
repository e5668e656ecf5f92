//! The memory of a conversion does not depend on the size of the disk, its tables or its clusters.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

use imgpush_convert::{Converted, ReadOptions};
use imgpush_source::{FileSource, Pool, Source as _};
use imgpush_test_support::left_out;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The limit for a conversion with random access, in MiB.
const LIMIT_MIB: f32 = 64.0;

/// A disk that is read up to this offset has shown what it needs.
const READ_BYTES: u64 = 1 << 40;

fn run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Reads a disk, and returns the peak of the memory in MiB. The consumer keeps the last two chunks.
fn peak(image: &Path) -> f32 {
    let source = Box::new(FileSource::open(image).unwrap());
    ALLOCATED.reset_peak_usage();
    let mut disk = Converted::new(source, &ReadOptions::default()).unwrap();
    let pool = Pool::within(64 << 20);
    let mut at = 0;
    let mut last = [None, None];
    while let Some(chunk) = disk.next_chunk(&pool).unwrap() {
        at += chunk.len();
        last = [last[1].take(), Some(chunk)];
        if at > READ_BYTES {
            break;
        }
    }
    ALLOCATED.peak_usage_as_mb()
}

#[test]
fn the_memory_is_bounded_for_every_disk() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let path = image.to_str().unwrap();
    if !run("qemu-img", &["create", "-f", "qcow2", path, "1M"]) {
        return left_out("qemu-img: the memory of a conversion");
    }
    // An L1 table of 16 MiB, a block table of 64 KiB to 128 MiB, clusters of 2 MiB, compressed data.
    for (format, options, size, writes) in [
        ("qcow2", "cluster_size=512", "64G", "write -P 3 40G 1M"),
        ("qcow2", "cluster_size=2M", "20G", "write -c -P 3 8G 2M"),
        ("qcow2", "cluster_size=64k", "60T", "write -P 3 1G 64M"),
        ("vhdx", "block_size=1M", "8T", "write -P 3 1G 64M"),
        ("vhdx", "block_size=256M", "60T", "write -P 3 1G 64M"),
        ("vdi", "static=off", "1T", "write -P 3 1G 64M"),
    ] {
        assert!(run("qemu-img", &["create", "-f", format, "-o", options, path, size]));
        assert!(run("qemu-io", &["-f", format, "-c", writes, path]));
        let peak = peak(&image);
        assert!(peak < LIMIT_MIB, "{format} {options} {size}: {peak} MiB");
    }
    // Data that is compressed in every cluster, so that all threads work.
    let raw = folder.path().join("raw");
    let data: Vec<u8> = (0..48u32 << 20).map(|n| (n.wrapping_mul(n) >> 13) as u8).collect();
    std::fs::write(&raw, data).unwrap();
    for cluster in ["cluster_size=64k", "cluster_size=2M"] {
        let arguments =
            ["convert", "-c", "-O", "qcow2", "-o", cluster, raw.to_str().unwrap(), path];
        assert!(run("qemu-img", &arguments));
        let peak = peak(&image);
        assert!(peak < LIMIT_MIB, "compressed, {cluster}: {peak} MiB");
    }
}
