//! SHA-512 as one stream of a kernel: rounds in the integer registers, the schedule in vectors.

use std::arch::x86_64::*;

use super::constants::SHA512_K;
use super::{forget, load_256};

pub(super) struct Sha512<'a> {
    pub(super) words: [u64; 8],
    before: [u64; 8],
    /// `b ^ c`, which the round before had as `a ^ b`.
    pub(super) bc: u64,
    /// The 16 words of the schedule that are in use.
    schedule: [__m256i; 4],
    /// Elsewhere, since `forget` makes the optimiser forget all of a variable.
    sums: &'a mut Sums,
}

/// Those words plus the constants of their rounds. They go from the vector registers to the integer
/// registers through memory.
pub(super) struct Sums([u64; 16]);

impl Sums {
    pub(super) const ZERO: Sums = Sums([0; 16]);
}

#[repr(align(32))]
struct Constants([u64; 80]);

static CONSTANTS: Constants = Constants(SHA512_K);

impl<'a> Sha512<'a> {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(words: [u64; 8], sums: &'a mut Sums) -> Self {
        let schedule = [_mm256_setzero_si256(); 4];
        Sha512 { words, before: words, bc: words[1] ^ words[2], schedule, sums }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> [u64; 8] {
        self.words
    }

    /// The words of a block, which are big-endian.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn message(&mut self, block: &[u8; 128]) {
        let swap = _mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
        for (i, bytes) in block.as_chunks().0.iter().enumerate() {
            let words = _mm256_shuffle_epi8(load_256(bytes), _mm256_broadcastsi128_si256(swap));
            self.schedule[i] = words;
            self.sum_up(i, words);
        }
        forget(self.sums);
    }

    /// The sums for rounds `4 * i` to `4 * i + 3`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sum_up(&mut self, i: usize, words: __m256i) {
        // SAFETY: 32 bytes from a multiple of 32 in an array that is aligned to as much.
        let constants = unsafe { _mm256_load_si256(CONSTANTS.0[4 * i..][..4].as_ptr().cast()) };
        let sum = _mm256_add_epi64(words, constants);
        let sums = &mut self.sums.0[4 * i % 16..][..4];
        // SAFETY: 32 bytes are written, to an address that need not be aligned.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), sum) };
    }

    /// Round `t` of 80 (FIPS 180-4, 6.4.2). The roles of the eight words turn with `t`, so that none
    /// moves.
    #[inline(always)]
    pub(super) fn round(&mut self, t: usize) {
        let at: [usize; 8] = std::array::from_fn(|role| (role + 80 - t) % 8);
        let [a, b, _, d, e, f, g, h] = at.map(|word| self.words[word]);
        let sum1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
        let sum0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
        // Ch(e, f, g) = (e & f) ^ (!e & g): no bit is in both, so adding them does.
        let t1 = pin(h.wrapping_add(self.sums.0[t % 16]));
        let t1 = t1.wrapping_add(!e & g).wrapping_add(e & f).wrapping_add(sum1);
        // Maj(a, b, c) = (a & b) ^ (a & c) ^ (b & c) = ((a ^ b) & (b ^ c)) ^ b
        let ab = a ^ b;
        let maj = (ab & self.bc) ^ b;
        self.bc = ab;
        self.words[at[3]] = d.wrapping_add(t1);
        self.words[at[7]] = t1.wrapping_add(maj).wrapping_add(sum0);
        if t == 79 {
            for (word, before) in self.words.iter_mut().zip(self.before) {
                *word = word.wrapping_add(before);
            }
            self.before = self.words;
            self.bc = self.words[1] ^ self.words[2];
        }
    }

    /// Behind every fourth round the words that take the place of those used: `t / 4 * 4 + 16` and the
    /// three behind it. `W(t) = sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)`, of which the
    /// upper two need the lower two.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn extend_avx2(&mut self, t: usize) {
        if t % 4 != 3 || t >= 64 {
            return;
        }
        let [minus_16, minus_12, minus_8, minus_4] = self.scheduled(t / 4);
        let minus_15 = one_later(minus_16, minus_12);
        let minus_7 = one_later(minus_8, minus_4);
        let sum = _mm256_add_epi64(_mm256_add_epi64(minus_16, minus_7), sigma0(minus_15));
        let low = sigma1(_mm256_extracti128_si256::<1>(minus_4));
        let sum = _mm256_add_epi64(sum, _mm256_zextsi128_si256(low));
        let high = sigma1(_mm256_castsi256_si128(sum));
        let high = _mm256_inserti128_si256::<1>(_mm256_setzero_si256(), high);
        self.schedule[t / 4 % 4] = _mm256_add_epi64(sum, high);
        self.sum_up(t / 4 + 4, self.schedule[t / 4 % 4]);
    }

    /// The same with the instructions of AVX-512VL.
    #[inline]
    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn extend_avx512(&mut self, t: usize) {
        use super::sha512_vector::sigma1;
        if t % 4 != 3 || t >= 64 {
            return;
        }
        let [minus_16, minus_12, minus_8, minus_4] = self.scheduled(t / 4);
        let minus_15 = _mm256_alignr_epi64::<1>(minus_12, minus_16);
        let minus_7 = _mm256_alignr_epi64::<1>(minus_4, minus_8);
        let [by_1, by_8] = [_mm256_ror_epi64::<1>(minus_15), _mm256_ror_epi64::<8>(minus_15)];
        let sigma0 =
            _mm256_ternarylogic_epi64::<0x96>(by_1, by_8, _mm256_srli_epi64::<7>(minus_15));
        let sum = _mm256_add_epi64(_mm256_add_epi64(minus_16, minus_7), sigma0);
        let low = sigma1(_mm256_extracti128_si256::<1>(minus_4));
        let sum = _mm256_add_epi64(sum, _mm256_zextsi128_si256(low));
        let high = sigma1(_mm256_castsi256_si128(sum));
        let high = _mm256_inserti128_si256::<1>(_mm256_setzero_si256(), high);
        self.schedule[t / 4 % 4] = _mm256_add_epi64(sum, high);
        self.sum_up(t / 4 + 4, self.schedule[t / 4 % 4]);
    }

    /// The schedule from its oldest words on, before the words for round `4 * i + 16` are made.
    #[inline(always)]
    fn scheduled(&self, i: usize) -> [__m256i; 4] {
        std::array::from_fn(|back| self.schedule[(i + back) % 4])
    }

    /// Ends a round, behind the fence.
    #[inline(always)]
    pub(super) fn settle(&mut self, t: usize) {
        if t % 4 == 3 {
            forget(self.sums);
        }
    }
}

/// Of eight words in a row the four behind the first.
#[inline]
#[target_feature(enable = "avx2")]
fn one_later(low: __m256i, high: __m256i) -> __m256i {
    _mm256_permute4x64_epi64::<0b00_11_10_01>(_mm256_blend_epi32::<0b0000_0011>(low, high))
}

/// `(x >>> 1) ^ (x >>> 8) ^ (x >> 7)`, in which whole bytes turn by a shuffle.
#[inline]
#[target_feature(enable = "avx2")]
fn sigma0(x: __m256i) -> __m256i {
    let turn = _mm_set_epi64x(0x080f_0e0d_0c0b_0a09, 0x0007_0605_0403_0201);
    let by_1 = _mm256_or_si256(_mm256_srli_epi64::<1>(x), _mm256_slli_epi64::<63>(x));
    let by_8 = _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(turn));
    _mm256_xor_si256(_mm256_xor_si256(by_1, by_8), _mm256_srli_epi64::<7>(x))
}

/// `(x >>> 19) ^ (x >>> 61) ^ (x >> 6)`
#[inline]
#[target_feature(enable = "avx2")]
fn sigma1(x: __m128i) -> __m128i {
    let by_19 = _mm_or_si128(_mm_srli_epi64::<19>(x), _mm_slli_epi64::<45>(x));
    let by_61 = _mm_or_si128(_mm_srli_epi64::<61>(x), _mm_slli_epi64::<3>(x));
    _mm_xor_si128(_mm_xor_si128(by_19, by_61), _mm_srli_epi64::<6>(x))
}

/// The same value, in a register, out of the optimiser's sight: it would add `h` and the sum last,
/// which are there first.
#[inline(always)]
fn pin(mut value: u64) -> u64 {
    #[cfg(not(miri))]
    // SAFETY: the block holds no instruction, only the name of the register.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) value,
            options(pure, nomem, nostack, preserves_flags));
    }
    value
}
