//! One stream, several digests, with AVX2, BMI1 and BMI2: CPUs since Haswell and Zen.
//!
//! MD5 and SHA-512 share the integer units here. That is more work than four of them can do in the time
//! that MD5 takes, and still much faster than one digest after the other; on CPUs with six of them it is
//! the best there is, with AVX-512 too.

use std::arch::x86_64::{__m128i, __m256i};

use super::fused::{fence, md5_sha512};
use super::{intrinsics, md5, sha256, sha512_integer, vendor};
use crate::arch::unroll;

/// Proof that the CPU has AVX2, BMI1 and BMI2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

/// Proof that the CPU has SHA-NI as well, and does not mind it beside AVX.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Sha(Avx2);

impl Avx2 {
    pub(crate) fn new() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        all.then_some(Avx2(()))
    }

    #[inline(always)]
    fn avx2(self) -> Self {
        self
    }

    /// SHA-512 alone.
    pub(crate) fn sha512(self, state: &mut [u64; 8], blocks: &[[u8; 128]]) {
        // SAFETY: `new` found the features.
        unsafe { sha512(self, state, blocks) }
    }

    /// MD5 and SHA-512.
    pub(crate) fn md5_sha512(
        self,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        blocks: &[[u8; 128]],
    ) {
        // SAFETY: `new` found the features.
        unsafe { md5_sha512(self, md5, sha512, blocks) }
    }
}

impl Avx2Sha {
    pub(crate) fn new() -> Option<Self> {
        // SHA-NI has the old encoding. Where the upper halves of registers are in use, as they are by
        // SHA-512, each such instruction costs Intel's cores hundreds of cycles, and those of Zen 3 too:
        // all three digests came out at 8 MB/s on Emerald Rapids and at 11 on Zen 3. So SHA-256 goes
        // by itself there. MD5 can do without those halves; beside it Intel's cores are unmeasured.
        let sha = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && vendor() != *b"GenuineIntel";
        Avx2::new().filter(|_| sha).map(Avx2Sha)
    }

    #[inline(always)]
    pub(super) fn avx2(self) -> Avx2 {
        self.0
    }

    /// MD5 and SHA-256.
    pub(crate) fn md5_sha256(
        self,
        md5: &mut [u32; 4],
        sha256: &mut [u32; 8],
        blocks: &[[u8; 128]],
    ) {
        // SAFETY: `new` found the features.
        unsafe { md5_sha256(self, md5, sha256, blocks) }
    }
}

intrinsics! { Avx2:
    fn _mm256_add_epi32(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_add_epi64(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_or_si256(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_xor_si256(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_and_si256(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_shuffle_epi8(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_unpacklo_epi32(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_unpackhi_epi32(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_unpacklo_epi64(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_unpackhi_epi64(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_srli_epi32<BY: i32>(x: __m256i) -> __m256i;
    fn _mm256_slli_epi32<BY: i32>(x: __m256i) -> __m256i;
    fn _mm256_srli_epi64<BY: i32>(x: __m256i) -> __m256i;
    fn _mm256_slli_epi64<BY: i32>(x: __m256i) -> __m256i;
    fn _mm256_permute4x64_epi64<BY: i32>(x: __m256i) -> __m256i;
    fn _mm256_blend_epi32<HOW: i32>(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_permute2x128_si256<HOW: i32>(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_extracti128_si256<HALF: i32>(x: __m256i) -> __m128i;
    fn _mm256_inserti128_si256<HALF: i32>(x: __m256i, y: __m128i) -> __m256i;
    fn _mm256_zextsi128_si256(x: __m128i) -> __m256i;
    fn _mm256_castsi256_si128(x: __m256i) -> __m128i;
    fn _mm256_set1_epi32(x: i32) -> __m256i;
    fn _mm256_set1_epi64x(x: i64) -> __m256i;
    fn _mm_add_epi32(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_or_si128(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_xor_si128(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_srli_epi64<BY: i32>(x: __m128i) -> __m128i;
    fn _mm_slli_epi64<BY: i32>(x: __m128i) -> __m128i;
}

intrinsics! { Avx2Sha:
    fn _mm_add_epi32(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_shuffle_epi8(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_sha256msg1_epu32(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_sha256msg2_epu32(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_sha256rnds2_epu32(x: __m128i, y: __m128i, wk: __m128i) -> __m128i;
    fn _mm_alignr_epi8<BY: i32>(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_shuffle_epi32<HOW: i32>(x: __m128i) -> __m128i;
}

md5_sha512!(md5_sha512, "bmi1,bmi2,avx2", Avx2, sha512_integer(avx2), extend_avx2(avx2));
#[target_feature(enable = "bmi1,bmi2,avx2")]
fn sha512(cpu: Avx2, state: &mut [u64; 8], blocks: &[[u8; 128]]) {
    let mut sums = sha512_integer::Sums::ZERO;
    let mut sha512 = sha512_integer::Sha512::new(cpu, *state, &mut sums);
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

/// In each part four operations of MD5 and four rounds of SHA-256.
#[target_feature(enable = "bmi1,bmi2,avx2,sha,sse4.1,ssse3")]
fn md5_sha256(
    cpu: Avx2Sha,
    md5_state: &mut [u32; 4],
    sha256_state: &mut [u32; 8],
    blocks: &[[u8; 128]],
) {
    let mut sums = md5::Sums::ZERO;
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
