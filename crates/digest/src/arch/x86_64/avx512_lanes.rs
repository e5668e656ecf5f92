//! Many streams with AVX-512: sixteen lanes of 32 bits, eight of 64.

use std::arch::x86_64::*;
use std::array::from_fn;

use super::avx512::Avx512;
use super::constants::{SHA256_K, SHA512_K};
use super::lanes::{md5_lanes, sha2_lanes, sha256_lanes, sha512_lanes};
use crate::arch::unroll;
use crate::blocks::Block;

impl Avx512 {
    /// MD5 of sixteen streams.
    pub(crate) fn md5_x16(self, states: &mut [[u32; 16]; 4], lanes: [&[Block]; 16]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { md5_x16(states, lanes) }
    }

    /// MD5 of 32 streams.
    pub(crate) fn md5_x32(self, states: &mut [[u32; 32]; 4], lanes: [&[Block]; 32]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { md5_x32(states, lanes) }
    }

    /// SHA-256 of sixteen streams.
    pub(crate) fn sha256_x16(self, states: &mut [[u32; 16]; 8], lanes: [&[Block]; 16]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { sha256_x16(states, lanes) }
    }

    /// SHA-512 of eight streams.
    pub(crate) fn sha512_x8(self, states: &mut [[u64; 8]; 8], lanes: [&[Block]; 8]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { sha512_x8(states, lanes) }
    }
}

md5_lanes!(md5_x16, "avx512f,avx512bw", words_32, 1, 16);
md5_lanes!(md5_x32, "avx512f,avx512bw", words_32, 2, 32);
sha256_lanes!(sha256_x16, "avx512f,avx512bw", words_32);
sha512_lanes!(sha512_x8, "avx512f,avx512bw", words_64);

/// Functions of bits, the same for words of either size.
mod bits {
    use std::arch::x86_64::*;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn xor3(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<0x96>(x, y, z)
    }

    /// `(x & y) | (!x & z)`
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn choose(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<0xca>(x, y, z)
    }

    /// `(x & y) ^ (x & z) ^ (y & z)`
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn majority(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<0xe8>(x, y, z)
    }
}

mod words_32 {
    use std::arch::x86_64::*;
    use std::array::from_fn;

    pub(super) use super::bits::{choose, majority, xor3};

    pub(super) const LANES: usize = 16;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn splat(x: u32) -> __m512i {
        _mm512_set1_epi32(x.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn load(words: &[u32; LANES]) -> __m512i {
        // SAFETY: 64 bytes are read, from an address that need not be aligned.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn store(words: &mut [u32; LANES], x: __m512i) {
        // SAFETY: 64 bytes are written, to an address that need not be aligned.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), x) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn add(x: __m512i, y: __m512i) -> __m512i {
        _mm512_add_epi32(x, y)
    }

    /// `RIGHT` is what a turn by `LEFT` is to the other side.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn rotate_left<const LEFT: i32, const RIGHT: i32>(x: __m512i) -> __m512i {
        _mm512_rol_epi32::<LEFT>(x)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn shift_right<const BY: u32>(x: __m512i) -> __m512i {
        _mm512_srli_epi32::<BY>(x)
    }

    /// `y ^ (x | !z)`
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn md5_i(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<0x39>(x, y, z)
    }

    /// As `pin` of `arch::md5`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn pin(x: __m512i) -> __m512i {
        #[cfg(not(miri))]
        let x = {
            let mut x = x;
            // SAFETY: the block holds no instruction, only the name of the register.
            unsafe {
                std::arch::asm!("/* {0} */", inout(zmm_reg) x,
                    options(pure, nomem, nostack, preserves_flags));
            }
            x
        };
        x
    }

    /// Of each lane's block the words, a word a register.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn transpose(lanes: &[&[u8; 64]; LANES]) -> [__m512i; 16] {
        columns(lanes.map(|lane| super::load(lane)))
    }

    /// The same for words that are big-endian.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn transpose_big_endian(lanes: &[&[u8; 64]; LANES]) -> [__m512i; 16] {
        let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let swap = _mm512_broadcast_i32x4(swap);
        columns(lanes.map(|lane| _mm512_shuffle_epi8(super::load(lane), swap)))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn columns(rows: [__m512i; 16]) -> [__m512i; 16] {
        // Pairs of rows, then fours: `fours[4 * i + j]` has of rows 4i to 4i + 3 the columns j, j + 4,
        // j + 8 and j + 12.
        let pairs: [__m512i; 16] = from_fn(|i| {
            let (x, y) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            if i % 2 == 0 { _mm512_unpacklo_epi32(x, y) } else { _mm512_unpackhi_epi32(x, y) }
        });
        let fours: [__m512i; 16] = from_fn(|i| {
            let at = i / 4 * 4 + i % 4 / 2;
            let (x, y) = (pairs[at], pairs[at + 2]);
            if i % 2 == 0 { _mm512_unpacklo_epi64(x, y) } else { _mm512_unpackhi_epi64(x, y) }
        });
        let mut columns = [_mm512_setzero_si512(); 16];
        for j in 0..4 {
            let low = _mm512_shuffle_i32x4::<0x88>(fours[j], fours[4 + j]);
            let high = _mm512_shuffle_i32x4::<0x88>(fours[8 + j], fours[12 + j]);
            columns[j] = _mm512_shuffle_i32x4::<0x88>(low, high);
            columns[8 + j] = _mm512_shuffle_i32x4::<0xdd>(low, high);
            let low = _mm512_shuffle_i32x4::<0xdd>(fours[j], fours[4 + j]);
            let high = _mm512_shuffle_i32x4::<0xdd>(fours[8 + j], fours[12 + j]);
            columns[4 + j] = _mm512_shuffle_i32x4::<0x88>(low, high);
            columns[12 + j] = _mm512_shuffle_i32x4::<0xdd>(low, high);
        }
        columns
    }
}

mod words_64 {
    use std::arch::x86_64::*;
    use std::array::from_fn;

    pub(super) use super::bits::{choose, majority, xor3};

    pub(super) const LANES: usize = 8;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn splat(x: u64) -> __m512i {
        _mm512_set1_epi64(x.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn load(words: &[u64; LANES]) -> __m512i {
        // SAFETY: 64 bytes are read, from an address that need not be aligned.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn store(words: &mut [u64; LANES], x: __m512i) {
        // SAFETY: 64 bytes are written, to an address that need not be aligned.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), x) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn add(x: __m512i, y: __m512i) -> __m512i {
        _mm512_add_epi64(x, y)
    }

    /// `RIGHT` is what a turn by `LEFT` is to the other side.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn rotate_left<const LEFT: i32, const RIGHT: i32>(x: __m512i) -> __m512i {
        _mm512_rol_epi64::<LEFT>(x)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn shift_right<const BY: u32>(x: __m512i) -> __m512i {
        _mm512_srli_epi64::<BY>(x)
    }

    /// Of each lane's block the words, which are big-endian, a word a register.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn transpose_big_endian(lanes: &[&[u8; 128]; LANES]) -> [__m512i; 16] {
        let swap = _mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
        let swap = _mm512_broadcast_i32x4(swap);
        let half = |at: usize| {
            let row = |lane: &[u8; 128]| super::load(&lane.as_chunks().0[at]);
            columns(lanes.map(|lane| _mm512_shuffle_epi8(row(lane), swap)))
        };
        let (low, high) = (half(0), half(1));
        from_fn(|word| if word < 8 { low[word] } else { high[word - 8] })
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn columns(rows: [__m512i; 8]) -> [__m512i; 8] {
        // `pairs[2 * i + j]` has of rows 2i and 2i + 1 the columns j, j + 2, j + 4 and j + 6.
        let pairs: [__m512i; 8] = from_fn(|i| {
            let (x, y) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            if i % 2 == 0 { _mm512_unpacklo_epi64(x, y) } else { _mm512_unpackhi_epi64(x, y) }
        });
        let mut columns = [_mm512_setzero_si512(); 8];
        for j in 0..2 {
            let low = _mm512_shuffle_i64x2::<0x88>(pairs[j], pairs[2 + j]);
            let high = _mm512_shuffle_i64x2::<0x88>(pairs[4 + j], pairs[6 + j]);
            columns[j] = _mm512_shuffle_i64x2::<0x88>(low, high);
            columns[4 + j] = _mm512_shuffle_i64x2::<0xdd>(low, high);
            let low = _mm512_shuffle_i64x2::<0xdd>(pairs[j], pairs[2 + j]);
            let high = _mm512_shuffle_i64x2::<0xdd>(pairs[4 + j], pairs[6 + j]);
            columns[2 + j] = _mm512_shuffle_i64x2::<0x88>(low, high);
            columns[6 + j] = _mm512_shuffle_i64x2::<0xdd>(low, high);
        }
        columns
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes are read, from an address that need not be aligned.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}
