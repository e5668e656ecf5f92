//! `cargo xtask bench guard` runs this in several builds. CI runs it too, since unrelated changes can cost
//! the kernels a third of their speed.
//!
//! Without an argument it measures two ratios to other crates and fails if one is too low. With `speeds` it
//! prints the speed of each kernel, which xtask compares with other builds.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::process::ExitCode;

use imgpush_digest::Algorithm::{Md5, Sha256, Sha512};
use imgpush_digest::Platform;
use imgpush_guard::kernels::{crates_pair, own};
use imgpush_guard::{cpu, speeds, take_turns};

/// Below this ratio there is a regression: the kernels are twice as fast as the crates, and 1.8 times on a
/// busy machine.
const PAIR: f64 = 1.3;
/// Three digests take no longer than two with the crates. SHA-256 in the same pass was sixty times slower
/// than that on CPUs with a penalty for its instructions there.
const TRIPLE: f64 = 1.0;
/// The same without the SHA extensions: SHA-256 alone then takes more than half of the time, and the ratio is
/// 0.55 on a Cascade Lake.
const TRIPLE_WITHOUT_EXTENSIONS: f64 = 0.4;
const TRIES: usize = 3;
const ROUNDS: usize = 40;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => against_crates(),
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

fn against_crates() -> ExitCode {
    let platform = Platform::detect();
    let kernels = platform.name();
    if kernels != "avx512" {
        println!(
            "NOT GUARDED: the kernels here are {kernels}, and only those of avx512 are fast enough for this check"
        );
        return ExitCode::SUCCESS;
    }
    let least_triple = if has_sha_extensions() { TRIPLE } else { TRIPLE_WITHOUT_EXTENSIONS };
    cpu::pin();
    for _ in 0..TRIES {
        let mut candidates = [
            own("pair", platform, &[Md5, Sha512]),
            own("triple", platform, &[Md5, Sha512, Sha256]),
            crates_pair("crates"),
        ];
        let series = take_turns(&mut candidates, ROUNDS);
        let pair = series[0].median_ratio(&series[2]);
        let triple = series[1].median_ratio(&series[2]);
        println!("MD5+SHA-512 fused / the crates in sequence: {pair:.2}, at least {PAIR}");
        println!("MD5+SHA-512+SHA-256 / the same two: {triple:.2}, at least {least_triple}");
        if pair >= PAIR && triple >= least_triple {
            return ExitCode::SUCCESS;
        }
    }
    ExitCode::FAILURE
}

fn has_sha_extensions() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("sha");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
