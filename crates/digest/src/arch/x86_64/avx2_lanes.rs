//! Many streams with AVX2: eight lanes of 32 bits, four of 64.

use std::array::from_fn;

use super::avx2::Avx2;
use super::constants::{SHA256_K, SHA512_K};
use super::lanes::{md5_lanes, sha2_lanes, sha256_lanes, sha512_lanes};
use super::load_256;
use crate::arch::unroll;
use crate::blocks::Block;

impl Avx2 {
    /// MD5 of eight streams.
    pub(crate) fn md5_x8(self, states: &mut [[u32; 8]; 4], lanes: [&[Block]; 8]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { md5_x8(states, lanes) }
    }

    /// MD5 of sixteen streams.
    pub(crate) fn md5_x16(self, states: &mut [[u32; 16]; 4], lanes: [&[Block]; 16]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { md5_x16(states, lanes) }
    }

    /// SHA-256 of eight streams.
    pub(crate) fn sha256_x8(self, states: &mut [[u32; 8]; 8], lanes: [&[Block]; 8]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { sha256_x8(states, lanes) }
    }

    /// SHA-512 of four streams.
    pub(crate) fn sha512_x4(self, states: &mut [[u64; 4]; 8], lanes: [&[Block]; 4]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { sha512_x4(states, lanes) }
    }
}

md5_lanes!(md5_x8, "avx2", words_32, 1, 8);
md5_lanes!(md5_x16, "avx2", words_32, 2, 16);
sha256_lanes!(sha256_x8, "avx2", words_32);
sha512_lanes!(sha512_x4, "avx2", words_64);

/// Functions of bits, the same for words of either size.
mod bits {
    use std::arch::x86_64::*;

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn xor3(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        _mm256_xor_si256(_mm256_xor_si256(x, y), z)
    }

    /// `(x & y) | (!x & z)`
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn choose(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        _mm256_xor_si256(_mm256_and_si256(x, _mm256_xor_si256(y, z)), z)
    }

    /// `(x & y) ^ (x & z) ^ (y & z)`
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn majority(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        let (xy, yz) = (_mm256_xor_si256(x, y), _mm256_xor_si256(y, z));
        _mm256_xor_si256(_mm256_and_si256(xy, yz), y)
    }
}

mod words_32 {
    use std::arch::x86_64::*;
    use std::array::from_fn;

    use super::load_256;

    pub(super) use super::bits::{choose, majority, xor3};

    pub(super) const LANES: usize = 8;

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn splat(x: u32) -> __m256i {
        _mm256_set1_epi32(x.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load(words: &[u32; LANES]) -> __m256i {
        // SAFETY: 32 bytes are read, from an address that need not be aligned.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn store(words: &mut [u32; LANES], x: __m256i) {
        // SAFETY: 32 bytes are written, to an address that need not be aligned.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), x) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn add(x: __m256i, y: __m256i) -> __m256i {
        _mm256_add_epi32(x, y)
    }

    /// `RIGHT` is what a turn by `LEFT` is to the other side.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn rotate_left<const LEFT: i32, const RIGHT: i32>(x: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_slli_epi32::<LEFT>(x), _mm256_srli_epi32::<RIGHT>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn shift_right<const BY: i32>(x: __m256i) -> __m256i {
        _mm256_srli_epi32::<BY>(x)
    }

    /// `y ^ (x | !z)`
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn md5_i(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        let not_z = _mm256_xor_si256(z, _mm256_set1_epi32(-1));
        _mm256_xor_si256(y, _mm256_or_si256(x, not_z))
    }

    /// As `pin` of `arch::md5`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn pin(x: __m256i) -> __m256i {
        #[cfg(not(miri))]
        let x = {
            let mut x = x;
            // SAFETY: the block holds no instruction, only the name of the register.
            unsafe {
                std::arch::asm!("/* {0} */", inout(ymm_reg) x,
                    options(pure, nomem, nostack, preserves_flags));
            }
            x
        };
        x
    }

    /// Of each lane's block the words, a word a register.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn transpose(lanes: &[&[u8; 64]; LANES]) -> [__m256i; 16] {
        halves(lanes, |row| row)
    }

    /// The same for words that are big-endian.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn transpose_big_endian(lanes: &[&[u8; 64]; LANES]) -> [__m256i; 16] {
        let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let swap = _mm256_broadcastsi128_si256(swap);
        halves(lanes, |row| _mm256_shuffle_epi8(row, swap))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn halves(lanes: &[&[u8; 64]; LANES], order: impl Fn(__m256i) -> __m256i) -> [__m256i; 16] {
        let half = |at: usize| columns(lanes.map(|lane| order(load_256(&lane.as_chunks().0[at]))));
        let (low, high) = (half(0), half(1));
        from_fn(|word| if word < 8 { low[word] } else { high[word - 8] })
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn columns(rows: [__m256i; 8]) -> [__m256i; 8] {
        // Pairs of rows, then fours: `fours[4 * i + j]` has of rows 4i to 4i + 3 the columns j and j + 4.
        let pairs: [__m256i; 8] = from_fn(|i| {
            let (x, y) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            if i % 2 == 0 { _mm256_unpacklo_epi32(x, y) } else { _mm256_unpackhi_epi32(x, y) }
        });
        let fours: [__m256i; 8] = from_fn(|i| {
            let at = i / 4 * 4 + i % 4 / 2;
            let (x, y) = (pairs[at], pairs[at + 2]);
            if i % 2 == 0 { _mm256_unpacklo_epi64(x, y) } else { _mm256_unpackhi_epi64(x, y) }
        });
        from_fn(|column| {
            let (x, y) = (fours[column % 4], fours[4 + column % 4]);
            if column < 4 {
                _mm256_permute2x128_si256::<0x20>(x, y)
            } else {
                _mm256_permute2x128_si256::<0x31>(x, y)
            }
        })
    }
}

mod words_64 {
    use std::arch::x86_64::*;
    use std::array::from_fn;

    use super::load_256;

    pub(super) use super::bits::{choose, majority, xor3};

    pub(super) const LANES: usize = 4;

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn splat(x: u64) -> __m256i {
        _mm256_set1_epi64x(x.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load(words: &[u64; LANES]) -> __m256i {
        // SAFETY: 32 bytes are read, from an address that need not be aligned.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn store(words: &mut [u64; LANES], x: __m256i) {
        // SAFETY: 32 bytes are written, to an address that need not be aligned.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), x) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn add(x: __m256i, y: __m256i) -> __m256i {
        _mm256_add_epi64(x, y)
    }

    /// `RIGHT` is what a turn by `LEFT` is to the other side.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn rotate_left<const LEFT: i32, const RIGHT: i32>(x: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_slli_epi64::<LEFT>(x), _mm256_srli_epi64::<RIGHT>(x))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn shift_right<const BY: i32>(x: __m256i) -> __m256i {
        _mm256_srli_epi64::<BY>(x)
    }

    /// Of each lane's block the words, which are big-endian, a word a register.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn transpose_big_endian(lanes: &[&[u8; 128]; LANES]) -> [__m256i; 16] {
        let swap = _mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
        let swap = _mm256_broadcastsi128_si256(swap);
        let quarters: [[__m256i; 4]; 4] = from_fn(|at| {
            let row = |lane: &[u8; 128]| load_256(&lane.as_chunks().0[at]);
            columns(lanes.map(|lane| _mm256_shuffle_epi8(row(lane), swap)))
        });
        from_fn(|word| quarters[word / 4][word % 4])
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn columns(rows: [__m256i; 4]) -> [__m256i; 4] {
        // `pairs[2 * i + j]` has of rows 2i and 2i + 1 the columns j and j + 2.
        let pairs: [__m256i; 4] = from_fn(|i| {
            let (x, y) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            if i % 2 == 0 { _mm256_unpacklo_epi64(x, y) } else { _mm256_unpackhi_epi64(x, y) }
        });
        from_fn(|column| {
            let (x, y) = (pairs[column % 2], pairs[2 + column % 2]);
            if column < 2 {
                _mm256_permute2x128_si256::<0x20>(x, y)
            } else {
                _mm256_permute2x128_si256::<0x31>(x, y)
            }
        })
    }
}
