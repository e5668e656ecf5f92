//! `cargo xtask bench guard` runs this in several builds. CI runs it too, since unrelated changes can cost
//! the kernels a third of their speed.
//!
//! Without an argument it measures ratios and fails if one is outside its limit. With `speeds` it prints the
//! speed of each kernel, which xtask compares with other builds.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

mod crates;
mod lanes;
mod spreading;

use std::process::ExitCode;

use imgpush_guard::{cpu, speeds};

/// Attempts on a busy machine.
const TRIES: usize = 3;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => all(),
        Some("speeds") => {
            cpu::pin();
            for (kernel, speed) in speeds::speeds() {
                println!("{kernel}\t{speed:.1}");
            }
            ExitCode::SUCCESS
        }
        Some(_) => {
            println!("usage: guard [speeds]");
            ExitCode::from(2)
        }
    }
}

fn all() -> ExitCode {
    // The kernels last: they are measured on one core, and the others on all.
    for check in [spreading::holds, lanes::holds, crates::holds] {
        if !(0..TRIES).any(|_| check()) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
