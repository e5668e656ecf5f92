//! Many streams with AVX-512: sixteen lanes of 32 bits, eight of 64.

use std::arch::x86_64::__m512i;

use super::features::Avx512;
use super::lanes::{self, Md5Words, Words};
use super::{load_512, store_512};
use crate::arch::unroll;
use crate::blocks::Block;

impl Avx512 {
    /// MD5 of sixteen streams.
    pub(crate) fn md5_x16(self, states: &mut [[u32; 16]; 4], lanes: [&[Block]; 16]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { md5_x16(self, states, lanes) }
    }

    /// MD5 of 32 streams.
    pub(crate) fn md5_x32(self, states: &mut [[u32; 32]; 4], lanes: [&[Block]; 32]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { md5_x32(self, states, lanes) }
    }

    /// SHA-256 of sixteen streams.
    pub(crate) fn sha256_x16(self, states: &mut [[u32; 16]; 8], lanes: [&[Block]; 16]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { sha256_x16(self, states, lanes) }
    }

    /// SHA-512 of eight streams.
    pub(crate) fn sha512_x8(self, states: &mut [[u64; 8]; 8], lanes: [&[Block]; 8]) {
        // SAFETY: `Avx512::new` found the features.
        unsafe { sha512_x8(self, states, lanes) }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn md5_x16(cpu: Avx512, states: &mut [[u32; 16]; 4], lanes: [&[Block]; 16]) {
    lanes::md5::<_, 16, 1, 16>(Avx512Words32(cpu), states, lanes);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn md5_x32(cpu: Avx512, states: &mut [[u32; 32]; 4], lanes: [&[Block]; 32]) {
    lanes::md5::<_, 16, 2, 32>(Avx512Words32(cpu), states, lanes);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn sha256_x16(cpu: Avx512, states: &mut [[u32; 16]; 8], lanes: [&[Block]; 16]) {
    lanes::sha256(Avx512Words32(cpu), states, lanes);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn sha512_x8(cpu: Avx512, states: &mut [[u64; 8]; 8], lanes: [&[Block]; 8]) {
    lanes::sha512(Avx512Words64(cpu), states, lanes);
}

/// Sixteen words of 32 bits.
#[derive(Clone, Copy)]
struct Avx512Words32(Avx512);

impl Words<16, 64> for Avx512Words32 {
    type Word = u32;
    type Register = __m512i;

    #[inline(always)]
    fn splat(self, x: u32) -> __m512i {
        self.0._mm512_set1_epi32(x.cast_signed())
    }

    #[inline(always)]
    fn load(self, words: &[u32; 16]) -> __m512i {
        load_512(words)
    }

    #[inline(always)]
    fn store(self, words: &mut [u32; 16], x: __m512i) {
        store_512(words, x);
    }

    #[inline(always)]
    fn add(self, x: __m512i, y: __m512i) -> __m512i {
        self.0._mm512_add_epi32(x, y)
    }

    #[inline(always)]
    fn xor3(self, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        self.0._mm512_ternarylogic_epi32::<0x96>(x, y, z)
    }

    #[inline(always)]
    fn choose(self, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        self.0._mm512_ternarylogic_epi32::<0xca>(x, y, z)
    }

    #[inline(always)]
    fn majority(self, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        self.0._mm512_ternarylogic_epi32::<0xe8>(x, y, z)
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, x: __m512i) -> __m512i {
        self.0._mm512_rol_epi32::<LEFT>(x)
    }

    #[inline(always)]
    fn shift_right<const I: i32, const U: u32>(self, x: __m512i) -> __m512i {
        self.0._mm512_srli_epi32::<U>(x)
    }

    #[inline(always)]
    fn transpose<const BIG_ENDIAN: bool>(
        self,
        lanes: &[&[[u8; 64]]],
        first: usize,
        block: usize,
    ) -> [__m512i; 16] {
        let cpu = self.0;
        let swap = [0x0405_0607_0001_0203u64, 0x0c0d_0e0f_0809_0a0b];
        let [s, t] = swap;
        let swap = load_512(&[s, t, s, t, s, t, s, t]);
        let mut rows = [self.splat(0); 16];
        unroll!(LANE < 16, {
            let row = load_512(&lanes[first + LANE][block]);
            rows[LANE] = if BIG_ENDIAN { cpu._mm512_shuffle_epi8(row, swap) } else { row };
        });
        // Pairs of rows, then groups of four: `fours[4 * i + j]` contains columns j, j + 4, j + 8 and j + 12
        // of rows 4i to 4i + 3.
        let mut pairs = rows;
        unroll!(I < 8, {
            pairs[2 * I] = cpu._mm512_unpacklo_epi32(rows[2 * I], rows[2 * I + 1]);
            pairs[2 * I + 1] = cpu._mm512_unpackhi_epi32(rows[2 * I], rows[2 * I + 1]);
        });
        let mut fours = rows;
        unroll!(I < 8, {
            const AT: usize = I / 2 * 4 + I % 2;
            fours[2 * I] = cpu._mm512_unpacklo_epi64(pairs[AT], pairs[AT + 2]);
            fours[2 * I + 1] = cpu._mm512_unpackhi_epi64(pairs[AT], pairs[AT + 2]);
        });
        let mut words = rows;
        unroll!(J < 4, {
            let low = cpu._mm512_shuffle_i32x4::<0x88>(fours[J], fours[4 + J]);
            let high = cpu._mm512_shuffle_i32x4::<0x88>(fours[8 + J], fours[12 + J]);
            words[J] = cpu._mm512_shuffle_i32x4::<0x88>(low, high);
            words[8 + J] = cpu._mm512_shuffle_i32x4::<0xdd>(low, high);
            let low = cpu._mm512_shuffle_i32x4::<0xdd>(fours[J], fours[4 + J]);
            let high = cpu._mm512_shuffle_i32x4::<0xdd>(fours[8 + J], fours[12 + J]);
            words[4 + J] = cpu._mm512_shuffle_i32x4::<0x88>(low, high);
            words[12 + J] = cpu._mm512_shuffle_i32x4::<0xdd>(low, high);
        });
        words
    }
}

impl Md5Words<16> for Avx512Words32 {
    #[inline(always)]
    fn md5_i(self, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        self.0._mm512_ternarylogic_epi32::<0x39>(x, y, z)
    }

    #[inline(always)]
    fn pin(self, x: __m512i) -> __m512i {
        // SAFETY: only detection creates the value in `self`, so the CPU has the registers.
        unsafe { pin(x) }
    }
}

/// Eight words of 64 bits.
#[derive(Clone, Copy)]
struct Avx512Words64(Avx512);

impl Words<8, 128> for Avx512Words64 {
    type Word = u64;
    type Register = __m512i;

    #[inline(always)]
    fn splat(self, x: u64) -> __m512i {
        self.0._mm512_set1_epi64(x.cast_signed())
    }

    #[inline(always)]
    fn load(self, words: &[u64; 8]) -> __m512i {
        load_512(words)
    }

    #[inline(always)]
    fn store(self, words: &mut [u64; 8], x: __m512i) {
        store_512(words, x);
    }

    #[inline(always)]
    fn add(self, x: __m512i, y: __m512i) -> __m512i {
        self.0._mm512_add_epi64(x, y)
    }

    #[inline(always)]
    fn xor3(self, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        self.0._mm512_ternarylogic_epi32::<0x96>(x, y, z)
    }

    #[inline(always)]
    fn choose(self, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        self.0._mm512_ternarylogic_epi32::<0xca>(x, y, z)
    }

    #[inline(always)]
    fn majority(self, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        self.0._mm512_ternarylogic_epi32::<0xe8>(x, y, z)
    }

    #[inline(always)]
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, x: __m512i) -> __m512i {
        self.0._mm512_rol_epi64::<LEFT>(x)
    }

    #[inline(always)]
    fn shift_right<const I: i32, const U: u32>(self, x: __m512i) -> __m512i {
        self.0._mm512_srli_epi64::<U>(x)
    }

    #[inline(always)]
    fn transpose<const BIG_ENDIAN: bool>(
        self,
        lanes: &[&[[u8; 128]]],
        first: usize,
        block: usize,
    ) -> [__m512i; 16] {
        let cpu = self.0;
        let swap = [0x0001_0203_0405_0607u64, 0x0809_0a0b_0c0d_0e0f];
        let [s, t] = swap;
        let swap = load_512(&[s, t, s, t, s, t, s, t]);
        let mut words = [self.splat(0); 16];
        unroll!(HALF in 0 1, {
            let mut rows = [self.splat(0); 8];
            unroll!(LANE < 8, {
                let halves: &[[u8; 64]] = lanes[first + LANE][block].as_chunks().0;
                let row = load_512(&halves[HALF]);
                rows[LANE] = if BIG_ENDIAN { cpu._mm512_shuffle_epi8(row, swap) } else { row };
            });
            // `pairs[2 * i + j]` contains columns j, j + 2, j + 4 and j + 6 of rows 2i and 2i + 1.
            let mut pairs = rows;
            unroll!(I < 4, {
                pairs[2 * I] = cpu._mm512_unpacklo_epi64(rows[2 * I], rows[2 * I + 1]);
                pairs[2 * I + 1] = cpu._mm512_unpackhi_epi64(rows[2 * I], rows[2 * I + 1]);
            });
            unroll!(J in 0 1, {
                let low = cpu._mm512_shuffle_i64x2::<0x88>(pairs[J], pairs[2 + J]);
                let high = cpu._mm512_shuffle_i64x2::<0x88>(pairs[4 + J], pairs[6 + J]);
                words[8 * HALF + J] = cpu._mm512_shuffle_i64x2::<0x88>(low, high);
                words[8 * HALF + 4 + J] = cpu._mm512_shuffle_i64x2::<0xdd>(low, high);
                let low = cpu._mm512_shuffle_i64x2::<0xdd>(pairs[J], pairs[2 + J]);
                let high = cpu._mm512_shuffle_i64x2::<0xdd>(pairs[4 + J], pairs[6 + J]);
                words[8 * HALF + 2 + J] = cpu._mm512_shuffle_i64x2::<0x88>(low, high);
                words[8 * HALF + 6 + J] = cpu._mm512_shuffle_i64x2::<0xdd>(low, high);
            });
        });
        words
    }
}

/// Pins a register. Only a function with the target feature can name this register; like an intrinsic it is
/// as small as an instruction.
#[inline]
#[target_feature(enable = "avx512f")]
fn pin(x: __m512i) -> __m512i {
    #[cfg(not(miri))]
    let x = {
        let mut x = x;
        // SAFETY: the block contains no instruction, only the name of the register.
        unsafe {
            std::arch::asm!("/* {0} */", inout(zmm_reg) x,
                options(pure, nomem, nostack, preserves_flags));
        }
        x
    };
    x
}
