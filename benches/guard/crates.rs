//! The kernels of one stream, compared with the crates that they replace.

use imgpush_digest::Algorithm::{Md5, Sha256, Sha512};
use imgpush_digest::Platform;
use imgpush_guard::kernels::{crates_pair, own};
use imgpush_guard::{cpu, take_turns};

/// The limits of a level of vector registers.
struct Limits {
    level: &'static str,
    /// Below this ratio there is a regression of MD5 with SHA-512.
    pair: f64,
    /// The same with SHA-256, relative to the crates without it.
    triple: f64,
    /// The same on a CPU without SHA extensions.
    triple_without_extensions: f64,
}

/// With AVX-512 the kernels are twice as fast as the crates, and 1.8 times on a busy machine. Three digests
/// take no longer than two with the crates: SHA-256 in the same pass was sixty times slower than that on CPUs
/// with a penalty for its instructions there. Without the SHA extensions SHA-256 alone takes more than half
/// of the time, and the ratio is 0.55 on a Cascade Lake.
const AVX512: Limits =
    Limits { level: "avx512", pair: 1.3, triple: 1.0, triple_without_extensions: 0.4 };

/// With AVX2 MD5 and SHA-512 share a pass as well.
const AVX2: Limits =
    Limits { level: "avx2", pair: 1.1, triple: 0.7, triple_without_extensions: 0.3 };

const ROUNDS: usize = 40;

pub(crate) fn holds() -> bool {
    cpu::pin();
    [AVX512, AVX2].iter().all(Limits::hold)
}

impl Limits {
    fn hold(&self) -> bool {
        let Ok(platform) = self.level.parse::<Platform>() else {
            println!("NOT GUARDED: this CPU has no {}", self.level);
            return true;
        };
        let triple_limit =
            if has_sha_extensions() { self.triple } else { self.triple_without_extensions };
        let mut candidates = [
            own("pair", platform, &[Md5, Sha512]),
            own("triple", platform, &[Md5, Sha512, Sha256]),
            crates_pair("crates"),
        ];
        let series = take_turns(&mut candidates, ROUNDS);
        let pair = series[0].median_ratio(&series[2]);
        let triple = series[1].median_ratio(&series[2]);
        let Limits { level, pair: pair_limit, .. } = self;
        println!(
            "{level}: MD5+SHA-512 fused / the crates in sequence: {pair:.2}, at least {pair_limit}"
        );
        println!(
            "{level}: MD5+SHA-512+SHA-256 / the same two: {triple:.2}, at least {triple_limit}"
        );
        pair >= *pair_limit && triple >= triple_limit
    }
}

fn has_sha_extensions() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("sha");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
