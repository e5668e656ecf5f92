//! SHA-512 as one stream of a kernel, only in vector registers: one word per register, in its low half.
//!
//! Alone it is no faster than in the integer registers, but it leaves those to MD5. AVX-512VL has the
//! required rotations, and computes any function of three inputs in one instruction.

use std::arch::x86_64::*;

use super::constants::{SHA512_K, sha2_roles};
use super::features::Avx512;
use super::{load_128, store_128};
use crate::arch::unroll;

pub(super) struct Sha512Vector {
    cpu: Avx512,
    pub(super) words: [__m128i; 8],
    before: [__m128i; 8],
    /// The current 16 words of the schedule, two per register.
    schedule: [__m128i; 8],
    /// The next two of them plus the constants of their rounds.
    sums: __m128i,
}

/// The empty counterpart of the sums that [`super::sha512_integer`] keeps in memory.
pub(super) struct NoSums;

impl Sha512Vector {
    pub(super) const ZERO_SUMS: NoSums = NoSums;

    #[inline(always)]
    pub(super) fn new(cpu: Avx512, state: [u64; 8], _: &mut NoSums) -> Self {
        let zero = load_128(&[0u64; 2]);
        let mut words = [zero; 8];
        unroll!(WORD < 8, {
            words[WORD] = load_128(&[state[WORD], 0]);
        });
        Sha512Vector { cpu, words, before: words, schedule: [zero; 8], sums: zero }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> [u64; 8] {
        let mut state = [0; 8];
        unroll!(WORD < 8, {
            let mut halves = [0; 2];
            store_128(&mut halves, self.words[WORD]);
            state[WORD] = halves[0];
        });
        state
    }

    /// Loads the words of a block, which are big-endian.
    #[inline(always)]
    pub(super) fn message(&mut self, block: &[u8; 128]) {
        let swap = load_128(&[0x0001_0203_0405_0607u64, 0x0809_0a0b_0c0d_0e0f]);
        let words: &[[u8; 16]] = block.as_chunks().0;
        unroll!(I < 8, {
            self.schedule[I] = self.cpu._mm_shuffle_epi8(load_128(&words[I]), swap);
        });
    }

    /// Round `T` of 80 (FIPS 180-4, 6.4.2). The roles of the eight words rotate with `T`, so that no word
    /// moves.
    ///
    /// The order matters, since a core executes older operations first. On Zen 4 a rotation takes two cycles,
    /// and two of the four vector units rotate, so the rotations of `e` and of `a` compete. Both new words
    /// need those of `e`, and only the new `a` needs those of `a`: the new `e` comes first.
    #[inline(always)]
    pub(super) fn round<const T: usize>(&mut self) {
        let cpu = self.cpu;
        let at = const { sha2_roles(T) };
        let (a, b, c) = (self.words[at[0]], self.words[at[1]], self.words[at[2]]);
        let (e, f, g) = (self.words[at[4]], self.words[at[5]], self.words[at[6]]);
        let (d, h) = (self.words[at[3]], self.words[at[7]]);
        let wk = if T.is_multiple_of(2) {
            self.extend::<T>();
            self.sums
        } else {
            cpu._mm_unpackhi_epi64(self.sums, self.sums)
        };
        let [e14, e18] = [cpu._mm_ror_epi64::<14>(e), cpu._mm_ror_epi64::<18>(e)];
        let sum1 = xor(cpu, e14, e18, cpu._mm_ror_epi64::<41>(e));
        // Ch(x, y, z) = (x & y) ^ (!x & z)
        let ch = cpu._mm_ternarylogic_epi64::<0xca>(e, f, g);
        let t1 = cpu._mm_add_epi64(cpu._mm_add_epi64(cpu._mm_add_epi64(h, wk), ch), sum1);
        let next_e = cpu._mm_add_epi64(d, t1);
        let a = after(a, next_e);
        // Maj(x, y, z) = (x & y) ^ (x & z) ^ (y & z)
        let maj = cpu._mm_ternarylogic_epi64::<0xe8>(a, b, c);
        let [a28, a34] = [cpu._mm_ror_epi64::<28>(a), cpu._mm_ror_epi64::<34>(a)];
        let sum0 = xor(cpu, a28, a34, cpu._mm_ror_epi64::<39>(a));
        let t2 = cpu._mm_add_epi64(sum0, maj);
        self.words[at[0]] = a;
        self.words[at[3]] = next_e;
        self.words[at[7]] = cpu._mm_add_epi64(t1, t2);
        if T == 79 {
            unroll!(WORD < 8, {
                self.words[WORD] = cpu._mm_add_epi64(self.words[WORD], self.before[WORD]);
            });
            self.before = self.words;
        }
    }

    /// The sums for rounds `T` and `T + 1`, and the words for the sixteenth round after each: `W(t) =
    /// sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)`.
    #[inline(always)]
    fn extend<const T: usize>(&mut self) {
        let cpu = self.cpu;
        let k = const { &SHA512_K.as_chunks::<2>().0[T / 2] };
        let minus_16 = self.schedule[T / 2 % 8];
        self.sums = cpu._mm_add_epi64(minus_16, load_128(k));
        if T < 64 {
            let [minus_14, minus_8] =
                [self.schedule[(T / 2 + 1) % 8], self.schedule[(T / 2 + 4) % 8]];
            let [minus_6, minus_2] =
                [self.schedule[(T / 2 + 5) % 8], self.schedule[(T / 2 + 7) % 8]];
            let minus_15 = cpu._mm_alignr_epi8::<8>(minus_14, minus_16);
            let minus_7 = cpu._mm_alignr_epi8::<8>(minus_6, minus_8);
            let sum = cpu._mm_add_epi64(minus_16, minus_7);
            let sum = cpu._mm_add_epi64(sum, sigma0(cpu, minus_15));
            self.schedule[T / 2 % 8] = cpu._mm_add_epi64(sum, sigma1(cpu, minus_2));
        }
    }
}

#[inline(always)]
fn xor(cpu: Avx512, x: __m128i, y: __m128i, z: __m128i) -> __m128i {
    cpu._mm_ternarylogic_epi64::<0x96>(x, y, z)
}

/// `(x >>> 1) ^ (x >>> 8) ^ (x >> 7)`
#[inline(always)]
fn sigma0(cpu: Avx512, x: __m128i) -> __m128i {
    let [by_1, by_8] = [cpu._mm_ror_epi64::<1>(x), cpu._mm_ror_epi64::<8>(x)];
    xor(cpu, by_1, by_8, cpu._mm_srli_epi64::<7>(x))
}

/// `(x >>> 19) ^ (x >>> 61) ^ (x >> 6)`
#[inline(always)]
pub(super) fn sigma1(cpu: Avx512, x: __m128i) -> __m128i {
    let [by_19, by_61] = [cpu._mm_ror_epi64::<19>(x), cpu._mm_ror_epi64::<61>(x)];
    xor(cpu, by_19, by_61, cpu._mm_srli_epi64::<6>(x))
}

/// Returns `value`, which the optimiser cannot use before `earlier` is computed.
#[inline(always)]
fn after(mut value: __m128i, earlier: __m128i) -> __m128i {
    #[cfg(not(miri))]
    // SAFETY: the block contains no instruction, only the names of registers.
    unsafe {
        core::arch::asm!("/* {0} {1} */", inout(xmm_reg) value, in(xmm_reg) earlier,
            options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(miri)]
    let _ = earlier;
    value
}
