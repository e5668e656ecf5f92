//! Complete pushes compared with those of other clients, as ratios: `cargo xtask bench peers` of one image,
//! and `cargo xtask bench bulk` of many.
//!
//! `imgpush` and a peer run alternately, A B B A. Each run is a process with its start, its login and all its
//! calls; the first run of each fills caches and does not count. A ratio is the median over the pairs, so
//! other load on the machine slows both alike; the lowest and the highest are shown as well. Files are in the
//! page cache.
//!
//! Service and client share the machine: `null_glance` discards the data in the kernel and gives every client
//! the same responses; its cost is shown. The real Glance is the one in the `OS_*` variables.
#![expect(clippy::print_stdout, reason = "the tables are its output")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod bound;
mod bulk;
mod digests;
mod downloads;
mod files;
mod kernel;
mod lab;
mod machine;
mod many;
mod null;
mod placement;
mod real;
mod service;
mod start;
mod tls;
mod web;
mod workers;

use std::process::ExitCode;

use files::Files;
use imgpush_benches::machine::Look;
use imgpush_benches::table::Table;
use lab::Lab;

/// Pairs, MiB of the full file, GiB of the sparse one.
const FULL: (usize, u64, u64) = (7, 1024, 64);
const QUICK: (usize, u64, u64) = (3, 256, 4);

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut has = |option: &str| {
        let before = arguments.len();
        arguments.retain(|argument| argument != option);
        arguments.len() < before
    };
    if has(placement::OPTION) {
        return placement::print_speed();
    }
    let (is_quick, is_bulk) = (has("--quick"), has("--bulk"));
    let [python, scripts] = &arguments[..] else {
        println!("usage: peers FOLDER_OF_PYTHON_PROGRAMS FOLDER_OF_SCRIPTS [--bulk] [--quick]");
        return ExitCode::from(2);
    };
    let (pairs, mib, gib) = if is_quick { QUICK } else { FULL };
    let lab = Lab {
        imgpush: std::env::current_exe().unwrap().with_file_name("imgpush"),
        python: python.into(),
        scripts: scripts.into(),
        folder: tempfile::tempdir().unwrap(),
        pairs,
    };
    println!("{}", machine::heading(&lab));
    let mut table = Table::default();
    if is_bulk {
        bulk::measure(&lab, is_quick, &mut table);
    } else {
        single(&lab, &Files::make(lab.folder.path(), mib, gib), &mut table);
    }
    println!("{table}");
    ExitCode::SUCCESS
}

/// Measurements with one image at a time.
fn single(lab: &Lab, files: &Files, table: &mut Table) {
    let before = Look::now();
    null::measure(lab, files, table);
    tls::measure(lab, files, table);
    digests::measure(lab, files, table);
    kernel::measure(lab, files, table);
    placement::measure(table);
    start::measure(lab, table);
    println!("{}", before.until_now());
    many::measure(lab, files, table);
    real::measure(lab, files, table);
    downloads::measure(lab, files, table);
}
