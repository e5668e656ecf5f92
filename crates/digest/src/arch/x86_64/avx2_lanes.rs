//! Many streams with AVX2: eight lanes of 32 bits, four of 64.

use std::arch::x86_64::__m256i;

use super::features::Avx2;
use super::lanes::{self, Md5Words, Words};
use super::{load_256, store_256};
use crate::arch::unroll;
use crate::blocks::Block;

impl Avx2 {
    /// MD5 of eight streams.
    pub(crate) fn md5_x8(self, states: &mut [[u32; 8]; 4], lanes: [&[Block]; 8]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { md5_x8(self, states, lanes) }
    }

    /// MD5 of sixteen streams.
    pub(crate) fn md5_x16(self, states: &mut [[u32; 16]; 4], lanes: [&[Block]; 16]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { md5_x16(self, states, lanes) }
    }

    /// SHA-256 of eight streams.
    pub(crate) fn sha256_x8(self, states: &mut [[u32; 8]; 8], lanes: [&[Block]; 8]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { sha256_x8(self, states, lanes) }
    }

    /// SHA-512 of four streams.
    pub(crate) fn sha512_x4(self, states: &mut [[u64; 4]; 8], lanes: [&[Block]; 4]) {
        // SAFETY: `Avx2::new` found the features.
        unsafe { sha512_x4(self, states, lanes) }
    }
}

#[target_feature(enable = "avx2")]
fn md5_x8(cpu: Avx2, states: &mut [[u32; 8]; 4], lanes: [&[Block]; 8]) {
    lanes::md5::<_, 8, 1, 8>(Avx2Words32(cpu), states, lanes);
}

#[target_feature(enable = "avx2")]
fn md5_x16(cpu: Avx2, states: &mut [[u32; 16]; 4], lanes: [&[Block]; 16]) {
    lanes::md5::<_, 8, 2, 16>(Avx2Words32(cpu), states, lanes);
}

#[target_feature(enable = "avx2")]
fn sha256_x8(cpu: Avx2, states: &mut [[u32; 8]; 8], lanes: [&[Block]; 8]) {
    lanes::sha256(Avx2Words32(cpu), states, lanes);
}

#[target_feature(enable = "avx2")]
fn sha512_x4(cpu: Avx2, states: &mut [[u64; 4]; 8], lanes: [&[Block]; 4]) {
    lanes::sha512(Avx2Words64(cpu), states, lanes);
}

/// Eight words of 32 bits.
#[derive(Clone, Copy)]
struct Avx2Words32(Avx2);

impl Words<8, 64> for Avx2Words32 {
    type Word = u32;
    type Register = __m256i;

    #[inline(always)]
    fn splat(self, x: u32) -> __m256i {
        self.0._mm256_set1_epi32(x.cast_signed())
    }

    #[inline(always)]
    fn load(self, words: &[u32; 8]) -> __m256i {
        load_256(words)
    }

    #[inline(always)]
    fn store(self, words: &mut [u32; 8], x: __m256i) {
        store_256(words, x);
    }

    #[inline(always)]
    fn add(self, x: __m256i, y: __m256i) -> __m256i {
        self.0._mm256_add_epi32(x, y)
    }

    #[inline(always)]
    fn xor3(self, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        self.0._mm256_xor_si256(self.0._mm256_xor_si256(x, y), z)
    }

    #[inline(always)]
    fn choose(self, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        let yz = self.0._mm256_xor_si256(y, z);
        self.0._mm256_xor_si256(self.0._mm256_and_si256(x, yz), z)
    }

    #[inline(always)]
    fn majority(self, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        let (xy, yz) = (self.0._mm256_xor_si256(x, y), self.0._mm256_xor_si256(y, z));
        self.0._mm256_xor_si256(self.0._mm256_and_si256(xy, yz), y)
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, x: __m256i) -> __m256i {
        let (left, right) =
            (self.0._mm256_slli_epi32::<LEFT>(x), self.0._mm256_srli_epi32::<RIGHT>(x));
        self.0._mm256_or_si256(left, right)
    }

    #[inline(always)]
    fn shift_right<const I: i32, const U: u32>(self, x: __m256i) -> __m256i {
        self.0._mm256_srli_epi32::<I>(x)
    }

    #[inline(always)]
    fn transpose<const BIG_ENDIAN: bool>(
        self,
        lanes: &[&[[u8; 64]]],
        first: usize,
        block: usize,
    ) -> [__m256i; 16] {
        let cpu = self.0;
        let swap = [0x0405_0607_0001_0203u64, 0x0c0d_0e0f_0809_0a0b];
        let swap = load_256(&[swap[0], swap[1], swap[0], swap[1]]);
        let mut words = [self.splat(0); 16];
        unroll!(HALF in 0 1, {
            let mut rows = [self.splat(0); 8];
            unroll!(LANE < 8, {
                let halves: &[[u8; 32]] = lanes[first + LANE][block].as_chunks().0;
                let row = load_256(&halves[HALF]);
                rows[LANE] = if BIG_ENDIAN { cpu._mm256_shuffle_epi8(row, swap) } else { row };
            });
            // Pairs of rows, then groups of four: `fours[4 * i + j]` contains columns j and j + 4 of rows 4i
            // to 4i + 3.
            let mut pairs = rows;
            unroll!(I < 4, {
                pairs[2 * I] = cpu._mm256_unpacklo_epi32(rows[2 * I], rows[2 * I + 1]);
                pairs[2 * I + 1] = cpu._mm256_unpackhi_epi32(rows[2 * I], rows[2 * I + 1]);
            });
            let mut fours = rows;
            unroll!(I < 4, {
                const AT: usize = I / 2 * 4 + I % 2;
                fours[2 * I] = cpu._mm256_unpacklo_epi64(pairs[AT], pairs[AT + 2]);
                fours[2 * I + 1] = cpu._mm256_unpackhi_epi64(pairs[AT], pairs[AT + 2]);
            });
            unroll!(COLUMN < 4, {
                let (x, y) = (fours[COLUMN], fours[4 + COLUMN]);
                words[8 * HALF + COLUMN] = cpu._mm256_permute2x128_si256::<0x20>(x, y);
                words[8 * HALF + 4 + COLUMN] = cpu._mm256_permute2x128_si256::<0x31>(x, y);
            });
        });
        words
    }
}

impl Md5Words<8> for Avx2Words32 {
    #[inline(always)]
    fn md5_i(self, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        let not_z = self.0._mm256_xor_si256(z, self.0._mm256_set1_epi32(-1));
        self.0._mm256_xor_si256(y, self.0._mm256_or_si256(x, not_z))
    }

    #[inline(always)]
    fn pin(self, x: __m256i) -> __m256i {
        // SAFETY: only detection creates the value in `self`, so the CPU has the registers.
        unsafe { pin(x) }
    }
}

/// Four words of 64 bits.
#[derive(Clone, Copy)]
struct Avx2Words64(Avx2);

impl Words<4, 128> for Avx2Words64 {
    type Word = u64;
    type Register = __m256i;

    #[inline(always)]
    fn splat(self, x: u64) -> __m256i {
        self.0._mm256_set1_epi64x(x.cast_signed())
    }

    #[inline(always)]
    fn load(self, words: &[u64; 4]) -> __m256i {
        load_256(words)
    }

    #[inline(always)]
    fn store(self, words: &mut [u64; 4], x: __m256i) {
        store_256(words, x);
    }

    #[inline(always)]
    fn add(self, x: __m256i, y: __m256i) -> __m256i {
        self.0._mm256_add_epi64(x, y)
    }

    #[inline(always)]
    fn xor3(self, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        self.0._mm256_xor_si256(self.0._mm256_xor_si256(x, y), z)
    }

    #[inline(always)]
    fn choose(self, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        let yz = self.0._mm256_xor_si256(y, z);
        self.0._mm256_xor_si256(self.0._mm256_and_si256(x, yz), z)
    }

    #[inline(always)]
    fn majority(self, x: __m256i, y: __m256i, z: __m256i) -> __m256i {
        let (xy, yz) = (self.0._mm256_xor_si256(x, y), self.0._mm256_xor_si256(y, z));
        self.0._mm256_xor_si256(self.0._mm256_and_si256(xy, yz), y)
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, x: __m256i) -> __m256i {
        let (left, right) =
            (self.0._mm256_slli_epi64::<LEFT>(x), self.0._mm256_srli_epi64::<RIGHT>(x));
        self.0._mm256_or_si256(left, right)
    }

    #[inline(always)]
    fn shift_right<const I: i32, const U: u32>(self, x: __m256i) -> __m256i {
        self.0._mm256_srli_epi64::<I>(x)
    }

    #[inline(always)]
    fn transpose<const BIG_ENDIAN: bool>(
        self,
        lanes: &[&[[u8; 128]]],
        first: usize,
        block: usize,
    ) -> [__m256i; 16] {
        let cpu = self.0;
        let swap = [0x0001_0203_0405_0607u64, 0x0809_0a0b_0c0d_0e0f];
        let swap = load_256(&[swap[0], swap[1], swap[0], swap[1]]);
        let mut words = [self.splat(0); 16];
        unroll!(QUARTER < 4, {
            let mut rows = [self.splat(0); 4];
            unroll!(LANE < 4, {
                let quarters: &[[u8; 32]] = lanes[first + LANE][block].as_chunks().0;
                let row = load_256(&quarters[QUARTER]);
                rows[LANE] = if BIG_ENDIAN { cpu._mm256_shuffle_epi8(row, swap) } else { row };
            });
            // `pairs[2 * i + j]` contains columns j and j + 2 of rows 2i and 2i + 1.
            let mut pairs = rows;
            unroll!(I in 0 1, {
                pairs[2 * I] = cpu._mm256_unpacklo_epi64(rows[2 * I], rows[2 * I + 1]);
                pairs[2 * I + 1] = cpu._mm256_unpackhi_epi64(rows[2 * I], rows[2 * I + 1]);
            });
            unroll!(COLUMN in 0 1, {
                let (x, y) = (pairs[COLUMN], pairs[2 + COLUMN]);
                words[4 * QUARTER + COLUMN] = cpu._mm256_permute2x128_si256::<0x20>(x, y);
                words[4 * QUARTER + 2 + COLUMN] = cpu._mm256_permute2x128_si256::<0x31>(x, y);
            });
        });
        words
    }
}

/// Pins a register. Only a function with the target feature can name this register; like an intrinsic it is
/// as small as an instruction.
#[inline]
#[target_feature(enable = "avx2")]
fn pin(x: __m256i) -> __m256i {
    #[cfg(not(miri))]
    let x = {
        let mut x = x;
        // SAFETY: the block contains no instruction, only the name of the register.
        unsafe {
            std::arch::asm!("/* {0} */", inout(ymm_reg) x,
                options(pure, nomem, nostack, preserves_flags));
        }
        x
    };
    x
}
