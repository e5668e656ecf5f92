//! Conversions compared with those of qemu, as ratios: `cargo xtask bench convert`.
//!
//! The disk is an ext4 file system with programs, text and data that cannot be compressed. `imgpush` and a peer
//! run alternately, A B B A; the first run of each fills caches and does not count. A ratio is the median over
//! the pairs. Files are in the page cache. What is only decoded or scanned runs in this process, everything
//! else in a process of its own, with its start.
#![expect(clippy::print_stdout, reason = "the tables are its output")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod decode;
mod disk;
mod first_pass;
mod lab;
mod upload;
mod write;

use std::process::ExitCode;

use disk::Disk;
use imgpush_benches::machine::{self, Look};
use imgpush_benches::table::Table;
use lab::Lab;

/// Pairs of runs, MiB of the disk, and MiB of files in it.
const FULL: (usize, u64, u64) = (5, 4096, 1600);
const QUICK: (usize, u64, u64) = (1, 256, 100);

fn main() -> ExitCode {
    let (pairs, disk_mib, data_mib) = match &std::env::args().skip(1).collect::<Vec<_>>()[..] {
        [] => FULL,
        [quick] if quick == "--quick" => QUICK,
        _ => {
            println!("usage: convert [--quick]");
            return ExitCode::from(2);
        }
    };
    let lab = Lab::new(pairs);
    if let Some(missing) = lab.missing() {
        println!("the comparison needs {missing} (Debian: qemu-utils, e2fsprogs)");
        return ExitCode::FAILURE;
    }
    println!("{}\npeer: {}", machine::cpu(), lab.version_of_peer());
    println!("load average before: {}", machine::load());
    let disk = Disk::make(&lab, disk_mib, data_mib);
    println!("{}", disk.description());
    let mut table = Table::default();
    let before = Look::now();
    upload::measure(&lab, &disk, &mut table);
    decode::measure(&lab, &disk, &mut table);
    write::measure(&lab, &disk, &mut table);
    first_pass::measure(&lab, disk_mib, &mut table);
    println!("{}\n{table}", before.until_now());
    ExitCode::SUCCESS
}
