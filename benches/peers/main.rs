//! Whole pushes beside those of other clients, as ratios: `cargo xtask bench peers`.
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

use std::path::PathBuf;
use std::process::ExitCode;

use files::Files;
use table::Table;

/// What all rows need.
struct Lab {
    imgpush: PathBuf,
    /// Where the programs of the Python peers are.
    python: PathBuf,
    /// What `openstacksdk` is told to do.
    sdk_script: PathBuf,
    files: Files,
    /// Pairs a row.
    pairs: usize,
}

/// Pairs, MiB of the full file, GiB of the sparse one.
const WHOLE: (usize, u64, u64) = (7, 1024, 64);
const QUICK: (usize, u64, u64) = (3, 256, 4);

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_quick = arguments.last().is_some_and(|last| last == "--quick");
    arguments.truncate(arguments.len() - usize::from(is_quick));
    let [python, sdk_script] = &arguments[..] else {
        println!("usage: peers FOLDER_OF_PYTHON_PROGRAMS SDK_SCRIPT [--quick]");
        return ExitCode::from(2);
    };
    let (pairs, mib, gib) = if is_quick { QUICK } else { WHOLE };
    let lab = Lab {
        imgpush: std::env::current_exe().unwrap().with_file_name("imgpush"),
        python: python.into(),
        sdk_script: sdk_script.into(),
        files: Files::make(mib, gib),
        pairs,
    };
    println!("{}", machine::heading(&lab));
    let mut table = Table::default();
    let before = machine::Look::now();
    null::measure(&lab, &mut table);
    kernel::measure(&lab, &mut table);
    println!("{}", before.until_now());
    many::measure(&lab, &mut table);
    real::measure(&lab, &mut table);
    println!("{table}");
    ExitCode::SUCCESS
}
