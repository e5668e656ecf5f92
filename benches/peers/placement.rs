//! The fused kernel in several processes: each has its stack and its code at other addresses.

use std::process::{Command, ExitCode};
use std::time::Instant;

use imgpush_digest::{Algorithm, Stream};

use imgpush_benches::process::succeed;
use imgpush_benches::table::{Goal, Table};
use imgpush_benches::turns::Spread;

/// The option with which this program measures its own kernel.
pub(crate) const OPTION: &str = "--placement";

const PROCESSES: usize = 20;
/// A buffer that stays in the second-level cache, and the number of passes over it in one slice.
const BUFFER_BYTES: usize = 256 << 10;
const PASSES: u32 = 16;
/// Slices of a process; the fastest counts, since other load slows some of them.
const SLICES: usize = 24;

pub(crate) fn measure(table: &mut Table) {
    let program = std::env::current_exe().unwrap();
    let speed = || succeed(Command::new(&program).arg(OPTION)).stdout.trim().parse().unwrap();
    let speeds = Spread::of((0..PROCESSES).map(|_| speed()).collect());
    table.speed(&format!("fused kernel, {PROCESSES} processes"), speeds);
    let what = format!("the fused kernel's worst of {PROCESSES} processes / its best");
    table.one(&what, &Goal::AtLeast(0.93, 0.97), speeds.lowest / speeds.highest, "");
}

/// Prints the speed of MD5 with SHA-512 in this process, in MB/s.
pub(crate) fn print_speed() -> ExitCode {
    let buffer = vec![7; BUFFER_BYTES];
    let mut stream = Stream::new([Algorithm::Md5, Algorithm::Sha512]);
    let mut slice = || {
        let start = Instant::now();
        (0..PASSES).for_each(|_| stream.update(&buffer));
        start.elapsed().as_secs_f64()
    };
    let fastest = (0..SLICES).map(|_| slice()).fold(f64::INFINITY, f64::min);
    let megabytes = f64::from(PASSES) * f64::from(u32::try_from(BUFFER_BYTES).unwrap()) / 1e6;
    println!("{:.1}", megabytes / fastest);
    ExitCode::SUCCESS
}
