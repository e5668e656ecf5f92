//! The speed of hashing relative to other implementations: `cargo xtask bench ratios`.
//!
//! The candidates run alternately in one process, a few milliseconds each, on one core, and only CPU time is
//! measured, so that other load slows all of them alike. A ratio compares the 95th percentiles, the speed on
//! an idle machine; the table also contains the median of the ratios of adjacent slices. Everything is
//! measured twice, the second time with load on the other cores.
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod candidates;
mod complete_runs;

use std::path::Path;
use std::process::ExitCode;

use imgpush_digest::Platform;
use imgpush_guard::{Series, cpu, take_turns};

use candidates::Name;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [verb] if verb == "--load" => complete_runs::load(),
        [program] => {
            table(Path::new(program));
            ExitCode::SUCCESS
        }
        _ => {
            println!("usage: ratios PATH_OF_IMGPUSH");
            ExitCode::from(2)
        }
    }
}

/// The project's goal for a speed.
struct Goal {
    text: &'static str,
    own: Name,
    peer: Name,
    target: f64,
    reach: f64,
}

const GOALS: [Goal; 8] = [
    goal("MD5 / crate md-5", Name::OwnMd5, Name::CrateMd5, 1.25, 1.27),
    goal("MD5+SHA-512 fused / OpenSSL in sequence", Name::Pair, Name::OpensslPair, 1.75, 1.95),
    goal("MD5+SHA-512 fused / own MD5", Name::Pair, Name::OwnMd5, 0.90, 0.97),
    goal("MD5+SHA-512+SHA-256 / OpenSSL in sequence", Name::Triple, Name::OpensslTriple, 2.0, 2.3),
    goal("MD5+SHA-256 fused / own MD5", Name::Md5Sha256, Name::OwnMd5, 0.95, 0.99),
    goal("16 streams, MD5+SHA-512 / OpenSSL", Name::Lanes, Name::OpensslStreams, 5.0, 6.5),
    goal("without AVX-512, MD5+SHA-512 / OpenSSL", Name::Avx2Pair, Name::OpensslPair, 1.25, 1.6),
    goal("cached file through the pipeline / fused", Name::Pipeline, Name::Pair, 0.93, 0.97),
];

const fn goal(text: &'static str, own: Name, peer: Name, target: f64, reach: f64) -> Goal {
    Goal { text, own, peer, target, reach }
}

/// Complete runs: the ratio to the peers.
const COMPLETE_TARGET: f64 = 5.0;
const COMPLETE_REACH: f64 = 8.0;

fn table(program: &Path) {
    println!("{}, kernels {}\n", cpu::model(), Platform::detect().name());
    let runs = complete_runs::compare(program);
    cpu::pin();
    let mut candidates = candidates::all();
    let quiet = take_turns(&mut candidates, 80);
    let busy = {
        let _load = complete_runs::Load::start();
        take_turns(&mut candidates, 40)
    };
    println!("| MB/s of one core | p95 | median | p10 | median, busy |\n|---|---:|---:|---:|---:|");
    for (quiet, busy) in quiet.iter().zip(&busy) {
        let name = quiet.name.text();
        let [p95, median, p10] = [95, 50, 10].map(|percent| quiet.speed(percent));
        println!("| {name} | {p95:.0} | {median:.0} | {p10:.0} | {:.0} |", busy.speed(50));
    }
    println!("\n| goal | target | ambition | quiet p95 | median | busy median | |");
    println!("|---|---:|---:|---:|---:|---:|---|");
    for goal in GOALS {
        let line = match (ratios(&goal, &quiet), ratios(&goal, &busy)) {
            (Some((p95, median)), Some((_, busy))) => {
                format!("{p95:.2} | {median:.2} | {busy:.2} | {}", verdict(p95, &goal))
            }
            _ => "| | | not measured here".to_owned(),
        };
        println!("| {} | {} | {} | {line} |", goal.text, goal.target, goal.reach);
    }
    let verdict = if runs.median >= COMPLETE_TARGET { "met" } else { "MISSED" };
    println!(
        "| `imgpush digest` of 16 × 256 MiB, md5+sha512 / `md5sum` and `sha512sum`, wall | {COMPLETE_TARGET} | \
         {COMPLETE_REACH} | {:.2} | {:.2} | | {verdict} |",
        runs.best, runs.median
    );
}

/// The ratio of the 95th percentiles, and the median for adjacent slices.
fn ratios(goal: &Goal, series: &[Series<Name>]) -> Option<(f64, f64)> {
    let find = |name| series.iter().find(|series| series.name == name);
    let (own, peer) = (find(goal.own)?, find(goal.peer)?);
    Some((own.speed(95) / peer.speed(95), own.median_ratio(peer)))
}

fn verdict(ratio: f64, goal: &Goal) -> &'static str {
    if ratio >= goal.target { "met" } else { "MISSED" }
}
