//! SHA-512 as one stream of a kernel: rounds in the integer registers, the schedule in vectors.

use std::arch::x86_64::*;

use super::constants::{SHA512_K, sha2_roles};
use super::features::{Avx2, Avx512};
use super::{forget, load_256, sha512_vector, store_256};
use crate::arch::unroll;

pub(super) struct Sha512Integer<'a> {
    cpu: Avx2,
    pub(super) words: [u64; 8],
    before: [u64; 8],
    /// `b ^ c`, which is `a ^ b` of the previous round.
    pub(super) bc: u64,
    /// The current 16 words of the schedule.
    schedule: [__m256i; 4],
    /// In another variable, since `forget` affects a complete variable.
    sums: &'a mut IntegerSums,
}

/// The words of the schedule plus the constants of their rounds. They are transferred from the vector
/// registers to the integer registers through memory.
pub(super) struct IntegerSums([[u64; 4]; 4]);

#[repr(align(32))]
struct Constants([[u64; 4]; 20]);

static CONSTANTS: Constants = Constants({
    let mut constants = [[0; 4]; 20];
    let mut t = 0;
    while t < 80 {
        constants[t / 4][t % 4] = SHA512_K[t];
        t += 1;
    }
    constants
});

impl<'a> Sha512Integer<'a> {
    pub(super) const ZERO_SUMS: IntegerSums = IntegerSums([[0; 4]; 4]);

    #[inline(always)]
    pub(super) fn new(cpu: Avx2, words: [u64; 8], sums: &'a mut IntegerSums) -> Self {
        let schedule = [load_256(&[0u64; 4]); 4];
        let bc = words[1] ^ words[2];
        Sha512Integer { cpu, words, before: words, bc, schedule, sums }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> [u64; 8] {
        self.words
    }

    /// Round `T` of 80 (FIPS 180-4, 6.4.2). The roles of the eight words rotate with `T`, so that no word
    /// moves.
    #[inline(always)]
    pub(super) fn round<const T: usize>(&mut self) {
        let [a, b, _, d, e, f, g, h] = const { sha2_roles(T) };
        let (at_a, at_d, at_h) = (a, d, h);
        let (a, b, d) = (self.words[a], self.words[b], self.words[d]);
        let (e, f, g, h) = (self.words[e], self.words[f], self.words[g], self.words[h]);
        let sum1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
        let a = after(a, sum1);
        self.words[at_a] = a;
        let sum0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
        // Ch(e, f, g) = (e & f) ^ (!e & g): no bit is in both terms, so they can be added.
        let t1 = pin(h.wrapping_add(self.sums.0[T % 16 / 4][T % 4]));
        let t1 = t1.wrapping_add(!e & g).wrapping_add(e & f).wrapping_add(sum1);
        // Maj(a, b, c) = (a & b) ^ (a & c) ^ (b & c) = ((a ^ b) & (b ^ c)) ^ b
        let ab = a ^ b;
        let maj = (ab & self.bc) ^ b;
        self.bc = ab;
        self.words[at_d] = d.wrapping_add(t1);
        self.words[at_h] = t1.wrapping_add(maj).wrapping_add(sum0);
        if T == 79 {
            unroll!(WORD < 8, {
                self.words[WORD] = self.words[WORD].wrapping_add(self.before[WORD]);
            });
            self.before = self.words;
            self.bc = self.words[1] ^ self.words[2];
        }
    }

    /// Ends a round, after the fence.
    #[inline(always)]
    pub(super) fn settle<const T: usize>(&mut self) {
        if T % 4 == 3 {
            forget(self.sums);
        }
    }

    /// Loads the words of a block, which are big-endian.
    #[inline(always)]
    pub(super) fn message(&mut self, block: &[u8; 128]) {
        let swap = [0x0001_0203_0405_0607u64, 0x0809_0a0b_0c0d_0e0f];
        let swap = load_256(&[swap[0], swap[1], swap[0], swap[1]]);
        let words: &[[u8; 32]] = block.as_chunks().0;
        unroll!(I < 4, {
            let words = self.cpu._mm256_shuffle_epi8(load_256(&words[I]), swap);
            self.schedule[I] = words;
            self.sum_up(I, words);
        });
        forget(self.sums);
    }

    /// Stores the sums for rounds `4 * i` to `4 * i + 3`; `i` is a constant wherever this is inlined.
    #[inline(always)]
    fn sum_up(&mut self, i: usize, words: __m256i) {
        let sum = self.cpu._mm256_add_epi64(words, load_256(&CONSTANTS.0[i]));
        store_256(&mut self.sums.0[i % 4], sum);
    }

    /// After every fourth round, computes the words that replace the used ones: `T / 4 * 4 + 16` and the
    /// three after it. `W(t) = sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)`, where the upper two
    /// words depend on the lower two.
    #[inline(always)]
    pub(super) fn extend_avx2<const T: usize>(&mut self, cpu: Avx2) {
        if T % 4 != 3 || T >= 64 {
            return;
        }
        let [minus_16, minus_12, minus_8, minus_4] = self.scheduled::<T>();
        let minus_15 = one_later(cpu, minus_16, minus_12);
        let minus_7 = one_later(cpu, minus_8, minus_4);
        let sum = cpu._mm256_add_epi64(minus_16, minus_7);
        let sum = cpu._mm256_add_epi64(sum, sigma0(cpu, minus_15));
        let low = sigma1(cpu, cpu._mm256_extracti128_si256::<1>(minus_4));
        let sum = cpu._mm256_add_epi64(sum, cpu._mm256_zextsi128_si256(low));
        let high = sigma1(cpu, cpu._mm256_castsi256_si128(sum));
        self.extended::<T>(sum, high);
    }

    /// The same with AVX-512VL instructions.
    #[inline(always)]
    pub(super) fn extend_avx512<const T: usize>(&mut self, cpu: Avx512) {
        if T % 4 != 3 || T >= 64 {
            return;
        }
        let avx2 = self.cpu;
        let [minus_16, minus_12, minus_8, minus_4] = self.scheduled::<T>();
        let minus_15 = cpu._mm256_alignr_epi64::<1>(minus_12, minus_16);
        let minus_7 = cpu._mm256_alignr_epi64::<1>(minus_4, minus_8);
        let by_1 = cpu._mm256_ror_epi64::<1>(minus_15);
        let by_8 = cpu._mm256_ror_epi64::<8>(minus_15);
        let shifted = avx2._mm256_srli_epi64::<7>(minus_15);
        let sigma0 = cpu._mm256_ternarylogic_epi64::<0x96>(by_1, by_8, shifted);
        let sum = avx2._mm256_add_epi64(avx2._mm256_add_epi64(minus_16, minus_7), sigma0);
        let low = sha512_vector::sigma1(cpu, avx2._mm256_extracti128_si256::<1>(minus_4));
        let sum = avx2._mm256_add_epi64(sum, avx2._mm256_zextsi128_si256(low));
        let high = sha512_vector::sigma1(cpu, avx2._mm256_castsi256_si128(sum));
        self.extended::<T>(sum, high);
    }

    /// The schedule, starting with its oldest words.
    #[inline(always)]
    fn scheduled<const T: usize>(&self) -> [__m256i; 4] {
        [
            self.schedule[T / 4 % 4],
            self.schedule[(T / 4 + 1) % 4],
            self.schedule[(T / 4 + 2) % 4],
            self.schedule[(T / 4 + 3) % 4],
        ]
    }

    /// Adds the contribution of the lower two new words to the upper two.
    #[inline(always)]
    fn extended<const T: usize>(&mut self, sum: __m256i, high: __m128i) {
        let high = self.cpu._mm256_inserti128_si256::<1>(load_256(&[0u64; 4]), high);
        let words = self.cpu._mm256_add_epi64(sum, high);
        self.schedule[T / 4 % 4] = words;
        self.sum_up(T / 4 + 4, words);
    }
}

/// The words 1 to 4 of eight consecutive words.
#[inline(always)]
fn one_later(cpu: Avx2, low: __m256i, high: __m256i) -> __m256i {
    cpu._mm256_permute4x64_epi64::<0b00_11_10_01>(cpu._mm256_blend_epi32::<0b0000_0011>(low, high))
}

/// `(x >>> 1) ^ (x >>> 8) ^ (x >> 7)`, where a shuffle rotates by complete bytes.
#[inline(always)]
fn sigma0(cpu: Avx2, x: __m256i) -> __m256i {
    let turn = [0x0007_0605_0403_0201u64, 0x080f_0e0d_0c0b_0a09];
    let turn = load_256(&[turn[0], turn[1], turn[0], turn[1]]);
    let by_1 = cpu._mm256_or_si256(cpu._mm256_srli_epi64::<1>(x), cpu._mm256_slli_epi64::<63>(x));
    let by_8 = cpu._mm256_shuffle_epi8(x, turn);
    cpu._mm256_xor_si256(cpu._mm256_xor_si256(by_1, by_8), cpu._mm256_srli_epi64::<7>(x))
}

/// `(x >>> 19) ^ (x >>> 61) ^ (x >> 6)`
#[inline(always)]
fn sigma1(cpu: Avx2, x: __m128i) -> __m128i {
    let by_19 = cpu._mm_or_si128(cpu._mm_srli_epi64::<19>(x), cpu._mm_slli_epi64::<45>(x));
    let by_61 = cpu._mm_or_si128(cpu._mm_srli_epi64::<61>(x), cpu._mm_slli_epi64::<3>(x));
    cpu._mm_xor_si128(cpu._mm_xor_si128(by_19, by_61), cpu._mm_srli_epi64::<6>(x))
}

/// Returns the same value in a register, opaque to the optimiser: it would add `h` and the sum last, although
/// they are available first.
#[inline(always)]
fn pin(mut value: u64) -> u64 {
    #[cfg(not(miri))]
    // SAFETY: the block contains no instruction, only the name of the register.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) value,
            options(pure, nomem, nostack, preserves_flags));
    }
    value
}

/// Returns `value`, which the optimiser cannot use before `earlier` is computed. Without it, LLVM computes
/// both sums of a round in one vector register if AVX-512VL can rotate it (`-C target-cpu=native` on Zen 4).
/// The moves to that register and back cost a third of the speed.
#[inline(always)]
fn after(mut value: u64, earlier: u64) -> u64 {
    #[cfg(not(miri))]
    // SAFETY: the block contains no instruction, only the names of registers.
    unsafe {
        core::arch::asm!("/* {0} {1} */", inout(reg) value, in(reg) earlier,
            options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(miri)]
    let _ = earlier;
    value
}
