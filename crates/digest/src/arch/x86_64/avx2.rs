//! One stream, several digests, with AVX2, BMI1 and BMI2: CPUs since Haswell and Zen.
//!
//! MD5 and SHA-512 share the integer units here. Four units cannot do that work in the time of MD5 alone, but
//! it is still much faster than computing one digest after the other. On CPUs with six integer units it is
//! the fastest method, also compared with AVX-512.

use super::features::{Avx2, Avx2Sha};
use super::fused::{fence, md5_sha512};
use super::{md5, sha256, sha512_integer};
use crate::arch::unroll;

impl Avx2 {
    /// SHA-512 alone.
    pub(crate) fn sha512(self, state: &mut [u64; 8], blocks: &[[u8; 128]]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { sha512(self, state, blocks) }
    }

    /// MD5 and SHA-512.
    pub(crate) fn md5_sha512(
        self,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        blocks: &[[u8; 128]],
    ) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { md5_sha512(self, md5, sha512, blocks) }
    }
}

impl Avx2Sha {
    /// MD5 and SHA-256.
    pub(crate) fn md5_sha256(
        self,
        md5: &mut [u32; 4],
        sha256: &mut [u32; 8],
        blocks: &[[u8; 128]],
    ) {
        // SAFETY: `Avx2Sha::new` found the features.
        unsafe { md5_sha256(self, md5, sha256, blocks) }
    }
}

md5_sha512!(
    md5_sha512,
    "bmi1,bmi2,avx2",
    Avx2,
    sha512_integer::Sha512Integer(avx2),
    extend_avx2(avx2)
);
#[target_feature(enable = "bmi1,bmi2,avx2")]
fn sha512(cpu: Avx2, state: &mut [u64; 8], blocks: &[[u8; 128]]) {
    let mut sums = sha512_integer::Sha512Integer::ZERO_SUMS;
    let mut sha512 = sha512_integer::Sha512Integer::new(cpu, *state, &mut sums);
    for block in blocks {
        sha512.message(block);
        unroll!(T < 80, {
            sha512.round::<T>();
            sha512.extend_avx2::<T>(cpu);
            sha512.settle::<T>();
        });
    }
    *state = sha512.state();
}

/// Each part has four operations of MD5 and four rounds of SHA-256.
#[target_feature(enable = "bmi1,bmi2,avx2,sha,sse4.1,ssse3")]
fn md5_sha256(
    cpu: Avx2Sha,
    md5_state: &mut [u32; 4],
    sha256_state: &mut [u32; 8],
    blocks: &[[u8; 128]],
) {
    let mut sums = md5::Md5Sums::ZERO;
    let mut md5 = md5::Md5::<false>::new(cpu.avx2(), *md5_state, &mut sums);
    let mut sha256 = sha256::Sha256::new(cpu, *sha256_state);
    for block in blocks {
        unroll!(I < 32, {
            md5::operations!(md5, block, 4 * I, 4 * I + 4);
            sha256.step::<I>(block);
            fence!(md5, sha256 sha256);
        });
    }
    *md5_state = md5.state();
    *sha256_state = sha256.state();
}
