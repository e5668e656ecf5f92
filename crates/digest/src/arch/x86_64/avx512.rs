//! One stream, several digests, with AVX-512VL: MD5 in the integer units, SHA-512 in the vector units.

use std::arch::x86_64::{__cpuid, __m128i, __m256i, __m512i};

use super::avx2::{Avx2, Avx2Sha};
use super::fused::{fence, md5_sha512, md5_sha512_sha256};
use super::{intrinsics, md5, sha256, sha512_integer, sha512_vector, vendor};
use crate::arch::unroll;

/// Proof that the CPU has AVX-512F, BW and VL, and what [`Avx2`] proves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(Avx2);

/// Proof that the CPU has SHA-NI as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Sha {
    avx512: Avx512,
    sha: Avx2Sha,
}

/// Which units of the core SHA-512 gets beside MD5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    /// MD5 has the integer units for itself.
    Vector,
    /// Both share the integer units.
    Integer,
}

impl Units {
    /// AMD's cores since Zen 5 (family 1Ah) have six integer units, and their vector instructions take
    /// two cycles where those of Zen 4 take one. There the integer units gain a quarter. Others are
    /// taken for like Zen 4, which is unmeasured.
    pub(crate) fn of_cpu() -> Self {
        let amd = vendor() == *b"AuthenticAMD";
        let signature = __cpuid(1).eax;
        let family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
        if amd && family >= 0x1a { Units::Integer } else { Units::Vector }
    }
}

impl Avx512 {
    pub(crate) fn new() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl");
        Avx2::new().filter(|_| all).map(Avx512)
    }

    #[inline(always)]
    fn avx2(self) -> Avx2 {
        self.0
    }

    #[inline(always)]
    fn avx512(self) -> Self {
        self
    }

    /// MD5 and SHA-512.
    pub(crate) fn md5_sha512(
        self,
        units: Units,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        blocks: &[[u8; 128]],
    ) {
        match units {
            // SAFETY: `new` found the features.
            Units::Vector => unsafe { vector_md5_sha512(self, md5, sha512, blocks) },
            // SAFETY: as above.
            Units::Integer => unsafe { integer_md5_sha512(self, md5, sha512, blocks) },
        }
    }
}

impl Avx512Sha {
    pub(crate) fn new() -> Option<Self> {
        let (avx512, sha) = (Avx512::new()?, Avx2Sha::new()?);
        Some(Avx512Sha { avx512, sha })
    }

    #[inline(always)]
    fn avx2(self) -> Avx2 {
        self.sha.avx2()
    }

    #[inline(always)]
    fn avx512(self) -> Avx512 {
        self.avx512
    }

    #[inline(always)]
    fn sha(self) -> Avx2Sha {
        self.sha
    }

    /// MD5, SHA-512 and SHA-256.
    pub(crate) fn md5_sha512_sha256(
        self,
        units: Units,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        sha256: &mut [u32; 8],
        blocks: &[[u8; 128]],
    ) {
        match units {
            // SAFETY: `new` found the features.
            Units::Vector => unsafe { vector_md5_sha512_sha256(self, md5, sha512, sha256, blocks) },
            // SAFETY: as above.
            Units::Integer => unsafe {
                integer_md5_sha512_sha256(self, md5, sha512, sha256, blocks);
            },
        }
    }
}

intrinsics! { Avx512:
    fn _mm_add_epi64(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_shuffle_epi8(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_unpackhi_epi64(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_srli_epi64<BY: i32>(x: __m128i) -> __m128i;
    fn _mm_ror_epi64<BY: i32>(x: __m128i) -> __m128i;
    fn _mm_alignr_epi8<BY: i32>(x: __m128i, y: __m128i) -> __m128i;
    fn _mm_ternarylogic_epi64<F: i32>(x: __m128i, y: __m128i, z: __m128i) -> __m128i;
    fn _mm256_alignr_epi64<BY: i32>(x: __m256i, y: __m256i) -> __m256i;
    fn _mm256_ror_epi64<BY: i32>(x: __m256i) -> __m256i;
    fn _mm256_ternarylogic_epi64<F: i32>(x: __m256i, y: __m256i, z: __m256i) -> __m256i;
    fn _mm512_add_epi32(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_add_epi64(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_shuffle_epi8(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_unpacklo_epi32(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_unpackhi_epi32(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_unpacklo_epi64(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_unpackhi_epi64(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_rol_epi32<BY: i32>(x: __m512i) -> __m512i;
    fn _mm512_rol_epi64<BY: i32>(x: __m512i) -> __m512i;
    fn _mm512_srli_epi32<BY: u32>(x: __m512i) -> __m512i;
    fn _mm512_srli_epi64<BY: u32>(x: __m512i) -> __m512i;
    fn _mm512_shuffle_i32x4<HOW: i32>(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_shuffle_i64x2<HOW: i32>(x: __m512i, y: __m512i) -> __m512i;
    fn _mm512_ternarylogic_epi32<F: i32>(x: __m512i, y: __m512i, z: __m512i) -> __m512i;
    fn _mm512_set1_epi32(x: i32) -> __m512i;
    fn _mm512_set1_epi64(x: i64) -> __m512i;
}

md5_sha512!(
    vector_md5_sha512,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl",
    Avx512,
    sha512_vector(avx512)
);
md5_sha512_sha256!(
    vector_md5_sha512_sha256,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl,sha,sse4.1,ssse3",
    Avx512Sha,
    sha512_vector(avx512)
);
md5_sha512!(
    integer_md5_sha512,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl",
    Avx512,
    sha512_integer(avx2),
    extend_avx512(avx512)
);
md5_sha512_sha256!(
    integer_md5_sha512_sha256,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl,sha,sse4.1,ssse3",
    Avx512Sha,
    sha512_integer(avx2),
    extend_avx512(avx512)
);
