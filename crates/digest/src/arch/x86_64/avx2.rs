//! One stream, several digests, with AVX2, BMI1 and BMI2: CPUs since Haswell and Zen.
//!
//! MD5 and SHA-512 share the integer units here. That is more work than four of them can do in the time
//! that MD5 takes, and still much faster than one digest after the other; on CPUs with six of them it is
//! the best there is, with AVX-512 too.

use super::fused::{fence, md5_sha512, md5_sha512_sha256};
use super::{md5, sha256, sha512_integer, vendor};
use crate::arch::unroll;

/// Proof that the CPU has AVX2, BMI1 and BMI2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

/// Proof that the CPU has SHA-NI as well, and does not mind it beside AVX.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Sha(());

impl Avx2 {
    pub(crate) fn new() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        all.then_some(Avx2(()))
    }

    /// SHA-512 alone.
    pub(crate) fn sha512(self, state: &mut [u64; 8], blocks: &[[u8; 128]]) {
        // SAFETY: `new` found the features.
        unsafe { sha512(state, blocks) }
    }

    /// MD5 and SHA-512.
    pub(crate) fn md5_sha512(
        self,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        blocks: &[[u8; 128]],
    ) {
        // SAFETY: `new` found the features.
        unsafe { md5_sha512(md5, sha512, blocks) }
    }
}

impl Avx2Sha {
    pub(crate) fn new() -> Option<Self> {
        // SHA-NI has the old encoding. Where the upper halves of registers are in use, as they are by
        // the other streams, each such instruction costs Intel's cores hundreds of cycles: all three
        // digests came out at 8 MB/s on Emerald Rapids. There SHA-256 goes by itself.
        let sha = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && vendor() != *b"GenuineIntel";
        Avx2::new().filter(|_| sha).map(|_| Avx2Sha(()))
    }

    /// MD5 and SHA-256.
    pub(crate) fn md5_sha256(
        self,
        md5: &mut [u32; 4],
        sha256: &mut [u32; 8],
        blocks: &[[u8; 128]],
    ) {
        // SAFETY: `new` found the features.
        unsafe { md5_sha256(md5, sha256, blocks) }
    }

    /// MD5, SHA-512 and SHA-256.
    pub(crate) fn md5_sha512_sha256(
        self,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        sha256: &mut [u32; 8],
        blocks: &[[u8; 128]],
    ) {
        // SAFETY: `new` found the features.
        unsafe { md5_sha512_sha256(md5, sha512, sha256, blocks) }
    }
}

md5_sha512!(md5_sha512, "bmi1,bmi2,avx2", sha512_integer, extend_avx2);
md5_sha512_sha256!(
    md5_sha512_sha256,
    "bmi1,bmi2,avx2,sha,sse4.1,ssse3",
    sha512_integer,
    extend_avx2
);

#[target_feature(enable = "bmi1,bmi2,avx2")]
fn sha512(state: &mut [u64; 8], blocks: &[[u8; 128]]) {
    let mut sums = sha512_integer::Sums::ZERO;
    let mut sha512 = sha512_integer::Sha512::new(*state, &mut sums);
    for block in blocks {
        sha512.message(block);
        unroll!(T < 80, {
            sha512.round(T);
            sha512.extend_avx2(T);
            sha512.settle(T);
        });
    }
    *state = sha512.state();
}

/// In each part four operations of MD5 and four rounds of SHA-256.
#[target_feature(enable = "bmi1,bmi2,avx2,sha,sse4.1,ssse3")]
fn md5_sha256(md5_state: &mut [u32; 4], sha256_state: &mut [u32; 8], blocks: &[[u8; 128]]) {
    let mut sums = md5::Sums::ZERO;
    let mut md5 = md5::Md5::new(*md5_state, &mut sums);
    let mut sha256 = sha256::Sha256::new(*sha256_state);
    for block in blocks {
        unroll!(I < 32, {
            md5.operations::<{ 4 * I }, { 4 * I + 4 }>(block);
            sha256.steps::<I, { I + 1 }>(block);
            fence!(md5, sha256 sha256);
        });
    }
    *md5_state = md5.state();
    *sha256_state = sha256.state();
}
