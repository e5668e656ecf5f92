//! CPU features that kernels need, detected at run time.
//!
//! Each is a token that only detection creates. Kernels and intrinsics are methods of these tokens.

use std::arch::x86_64::{__cpuid, __m128i, __m256i, __m512i};

use super::intrinsics;

/// Token of a CPU with AVX2, BMI1 and BMI2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

/// Token of a CPU that also has SHA-NI, without a penalty for using it next to AVX.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2Sha(Avx2);

/// Token of a CPU with AVX-512F, BW and VL, and the features of [`Avx2`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(Avx2);

/// Token of a CPU that also has SHA-NI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Sha {
    avx512: Avx512,
    sha: Avx2Sha,
}

/// The execution units that SHA-512 uses when it is combined with MD5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    /// The vector units: MD5 has the integer units for itself.
    Vector,
    /// The integer units, shared with MD5.
    Integer,
}

impl Units {
    /// AMD's cores since Zen 5 (family 1Ah) have six integer units, and their vector instructions take two
    /// cycles instead of one on Zen 4. There the integer units are a quarter faster. All other CPUs are
    /// treated like Zen 4, which is unmeasured.
    pub(crate) fn of_cpu() -> Self {
        let amd = vendor() == *b"AuthenticAMD";
        let signature = __cpuid(1).eax;
        let family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
        if amd && family >= 0x1a { Units::Integer } else { Units::Vector }
    }
}

impl Avx2 {
    pub(crate) fn new() -> Option<Self> {
        let all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        all.then_some(Avx2(()))
    }

    #[inline(always)]
    pub(super) fn avx2(self) -> Self {
        self
    }
}

impl Avx2Sha {
    pub(crate) fn new() -> Option<Self> {
        // SHA-NI instructions have the legacy encoding. While the upper halves of vector registers are in
        // use, as by SHA-512, each of them costs hundreds of cycles on Intel's cores and on Zen 3: all three
        // digests together ran at 8 MB/s on Emerald Rapids and at 11 MB/s on Zen 3. So SHA-256 runs
        // separately there. MD5 does not need those halves; together with it, Intel's cores are unmeasured.
        let sha = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && vendor() != *b"GenuineIntel";
        Avx2::new().filter(|_| sha).map(Avx2Sha)
    }

    #[inline(always)]
    pub(super) fn avx2(self) -> Avx2 {
        self.0
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
    pub(super) fn avx2(self) -> Avx2 {
        self.0
    }

    #[inline(always)]
    pub(super) fn avx512(self) -> Self {
        self
    }
}

impl Avx512Sha {
    pub(crate) fn new() -> Option<Self> {
        let (avx512, sha) = (Avx512::new()?, Avx2Sha::new()?);
        Some(Avx512Sha { avx512, sha })
    }

    #[inline(always)]
    pub(super) fn avx2(self) -> Avx2 {
        self.sha.avx2()
    }

    #[inline(always)]
    pub(super) fn avx512(self) -> Avx512 {
        self.avx512
    }

    #[inline(always)]
    pub(super) fn sha(self) -> Avx2Sha {
        self.sha
    }
}

/// The vendor of the CPU, from CPUID.
fn vendor() -> [u8; 12] {
    let answer = __cpuid(0);
    let mut name = [0; 12];
    for (place, word) in name.as_chunks_mut().0.iter_mut().zip([answer.ebx, answer.edx, answer.ecx])
    {
        *place = word.to_le_bytes();
    }
    name
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
