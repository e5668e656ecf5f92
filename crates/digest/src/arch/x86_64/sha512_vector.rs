//! SHA-512 as one stream of a kernel, all in vector registers: one word a register, in its low half.
//!
//! Alone this is no faster than in the integer registers, but beside MD5 it leaves those to MD5.
//! AVX-512VL brings what it needs: rotations, and any function of three inputs as one instruction.

use std::arch::x86_64::*;

use super::constants::SHA512_K;
use super::load_128;

pub(super) struct Sha512 {
    pub(super) words: [__m128i; 8],
    before: [__m128i; 8],
    /// The 16 words of the schedule that are in use, two a register.
    schedule: [__m128i; 8],
    /// The next two of them plus the constants of their rounds.
    sums: __m128i,
}

/// What [`super::sha512_integer`] keeps in memory.
pub(super) struct Sums;

impl Sums {
    pub(super) const ZERO: Sums = Sums;
}

impl Sha512 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn new(words: [u64; 8], _: &mut Sums) -> Self {
        let words = words.map(|word| _mm_cvtsi64_si128(word.cast_signed()));
        let zero = _mm_setzero_si128();
        Sha512 { words, before: words, schedule: [zero; 8], sums: zero }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn state(&self) -> [u64; 8] {
        std::array::from_fn(|word| _mm_cvtsi128_si64(self.words[word]).cast_unsigned())
    }

    /// The words of a block, which are big-endian.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn message(&mut self, block: &[u8; 128]) {
        let swap = _mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
        for (words, bytes) in self.schedule.iter_mut().zip(block.as_chunks().0) {
            *words = _mm_shuffle_epi8(load_128(bytes), swap);
        }
    }

    /// Round `t` of 80 (FIPS 180-4, 6.4.2). The roles of the eight words turn with `t`, so that none
    /// moves.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    pub(super) fn round(&mut self, t: usize) {
        let at: [usize; 8] = std::array::from_fn(|role| (role + 80 - t) % 8);
        let [a, b, c, d, e, f, g, h] = at.map(|word| self.words[word]);
        let wk = if t.is_multiple_of(2) {
            self.extend(t / 2);
            self.sums
        } else {
            _mm_unpackhi_epi64(self.sums, self.sums)
        };
        let t1 = _mm_add_epi64(_mm_add_epi64(h, wk), _mm_add_epi64(ch(e, f, g), sum1(e)));
        let t2 = _mm_add_epi64(sum0(a), maj(a, b, c));
        self.words[at[3]] = _mm_add_epi64(d, t1);
        self.words[at[7]] = _mm_add_epi64(t1, t2);
        if t == 79 {
            for (word, before) in self.words.iter_mut().zip(self.before) {
                *word = _mm_add_epi64(*word, before);
            }
            self.before = self.words;
        }
    }

    /// The sums for rounds `2 * i` and `2 * i + 1`, and the words for the sixteenth round from each:
    /// `W(t) = sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    fn extend(&mut self, i: usize) {
        let minus = |back: usize| self.schedule[(i + 8 - back / 2) % 8];
        let [k0, k1] = [SHA512_K[2 * i], SHA512_K[2 * i + 1]].map(u64::cast_signed);
        self.sums = _mm_add_epi64(minus(16), _mm_set_epi64x(k1, k0));
        if i < 32 {
            let minus_15 = _mm_alignr_epi8::<8>(minus(14), minus(16));
            let minus_7 = _mm_alignr_epi8::<8>(minus(6), minus(8));
            let sum = _mm_add_epi64(_mm_add_epi64(minus(16), minus_7), sigma0(minus_15));
            self.schedule[i % 8] = _mm_add_epi64(sum, sigma1(minus(2)));
        }
    }
}

/// `Ch(x, y, z) = (x & y) ^ (!x & z)`
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn ch(x: __m128i, y: __m128i, z: __m128i) -> __m128i {
    _mm_ternarylogic_epi64::<0xca>(x, y, z)
}

/// `Maj(x, y, z) = (x & y) ^ (x & z) ^ (y & z)`
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn maj(x: __m128i, y: __m128i, z: __m128i) -> __m128i {
    _mm_ternarylogic_epi64::<0xe8>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn xor(x: __m128i, y: __m128i, z: __m128i) -> __m128i {
    _mm_ternarylogic_epi64::<0x96>(x, y, z)
}

/// `(x >>> 28) ^ (x >>> 34) ^ (x >>> 39)`
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn sum0(x: __m128i) -> __m128i {
    xor(_mm_ror_epi64::<28>(x), _mm_ror_epi64::<34>(x), _mm_ror_epi64::<39>(x))
}

/// `(x >>> 14) ^ (x >>> 18) ^ (x >>> 41)`
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn sum1(x: __m128i) -> __m128i {
    xor(_mm_ror_epi64::<14>(x), _mm_ror_epi64::<18>(x), _mm_ror_epi64::<41>(x))
}

/// `(x >>> 1) ^ (x >>> 8) ^ (x >> 7)`
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn sigma0(x: __m128i) -> __m128i {
    xor(_mm_ror_epi64::<1>(x), _mm_ror_epi64::<8>(x), _mm_srli_epi64::<7>(x))
}

/// `(x >>> 19) ^ (x >>> 61) ^ (x >> 6)`
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
pub(super) fn sigma1(x: __m128i) -> __m128i {
    xor(_mm_ror_epi64::<19>(x), _mm_ror_epi64::<61>(x), _mm_srli_epi64::<6>(x))
}
