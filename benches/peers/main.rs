//! Whole pushes beside those of other clients, as ratios: `cargo xtask bench peers` of one image, and
//! `cargo xtask bench bulk` of many.
//!
//! `imgpush` and a peer take turns, A B B A, each run a process of its own with its start, its login
//! and all its calls; the first run of each warms caches up and does not count. A ratio is the median
//! of those of the pairs, so a machine that others use slows both alike; beside it stand the lowest and
//! the highest. Files are in the page cache.
//!
//! Service and client share the machine: `null_glance` drops the data in the kernel and gives everybody
//! the same answers; what it costs is told. The real Glance is that of the `OS_*` variables.
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod bulk;
mod files;
mod kernel;
mod machine;
mod many;
mod null;
mod real;
mod service;
mod sink;
mod table;
mod turns;
mod web;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;

use files::Files;
use table::Table;
use tempfile::TempDir;

/// What all rows need.
struct Lab {
    imgpush: PathBuf,
    /// Where the programs of the Python peers are.
    python: PathBuf,
    /// What `openstacksdk` is told to do.
    sdk_script: PathBuf,
    /// Also the home of all programs, so that none reads or leaves anything elsewhere.
    folder: TempDir,
    /// Pairs a row.
    pairs: usize,
}

/// Pairs, MiB of the full file, GiB of the sparse one.
const WHOLE: (usize, u64, u64) = (7, 1024, 64);
const QUICK: (usize, u64, u64) = (3, 256, 4);

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut has = |option: &str| {
        let before = arguments.len();
        arguments.retain(|argument| argument != option);
        arguments.len() < before
    };
    let (is_quick, is_bulk) = (has("--quick"), has("--bulk"));
    let [python, sdk_script] = &arguments[..] else {
        println!("usage: peers FOLDER_OF_PYTHON_PROGRAMS SDK_SCRIPT [--bulk] [--quick]");
        return ExitCode::from(2);
    };
    let (pairs, mib, gib) = if is_quick { QUICK } else { WHOLE };
    let lab = Lab {
        imgpush: std::env::current_exe().unwrap().with_file_name("imgpush"),
        python: python.into(),
        sdk_script: sdk_script.into(),
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

/// One image at a time.
fn single(lab: &Lab, files: &Files, table: &mut Table) {
    let before = machine::Look::now();
    null::measure(lab, files, table);
    kernel::measure(lab, files, table);
    println!("{}", before.until_now());
    many::measure(lab, files, table);
    real::measure(lab, files, table);
}
