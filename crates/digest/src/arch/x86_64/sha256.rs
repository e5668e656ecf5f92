//! SHA-256 as one stream of a kernel, by the instructions made for it: two blocks, 32 steps of four
//! rounds.

use std::arch::x86_64::*;

use super::constants::SHA256_K;
use super::load_128;

pub(super) struct Sha256 {
    /// `a b e f` and `c d g h`, each from the highest place, as the instructions want them.
    pub(super) words: [__m128i; 2],
    before: [__m128i; 2],
    /// The 16 words of the schedule that are in use.
    schedule: [__m128i; 4],
}

impl Sha256 {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn new(words: [u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = words.map(u32::cast_signed);
        let words = [_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h)];
        Sha256 { words, before: words, schedule: [_mm_setzero_si128(); 4] }
    }

    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn state(&self) -> [u32; 8] {
        let [abef, cdgh] = self.words;
        let words = [
            _mm_extract_epi32::<3>(abef),
            _mm_extract_epi32::<2>(abef),
            _mm_extract_epi32::<3>(cdgh),
            _mm_extract_epi32::<2>(cdgh),
            _mm_extract_epi32::<1>(abef),
            _mm_extract_epi32::<0>(abef),
            _mm_extract_epi32::<1>(cdgh),
            _mm_extract_epi32::<0>(cdgh),
        ];
        words.map(i32::cast_unsigned)
    }

    /// Steps `FROM` to before `TO` of 32, one at most.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn steps<const FROM: usize, const TO: usize>(&mut self, block: &[u8; 128]) {
        const { assert!(TO <= FROM + 1) };
        if FROM < TO {
            let halves: &[[u8; 64]] = block.as_chunks().0;
            self.four_rounds(FROM % 16, &halves[FROM / 16]);
        }
    }

    /// Rounds `4 * i` to `4 * i + 3` of 64 (FIPS 180-4, 6.2.2).
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn four_rounds(&mut self, i: usize, block: &[u8; 64]) {
        let w = if i < 4 {
            // The words of a block are big-endian.
            let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
            _mm_shuffle_epi8(load_128(&block.as_chunks().0[i]), swap)
        } else {
            // W(t) = sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)
            let [minus_16, minus_12, minus_8, minus_4] =
                std::array::from_fn(|back| self.schedule[(i + back) % 4]);
            let sum = _mm_sha256msg1_epu32(minus_16, minus_12);
            let sum = _mm_add_epi32(sum, _mm_alignr_epi8::<4>(minus_4, minus_8));
            _mm_sha256msg2_epu32(sum, minus_4)
        };
        self.schedule[i % 4] = w;
        let k = std::array::from_fn(|round| SHA256_K[4 * i + round].cast_signed());
        let [k0, k1, k2, k3] = k;
        let wk = _mm_add_epi32(w, _mm_set_epi32(k3, k2, k1, k0));
        let [abef, cdgh] = &mut self.words;
        // What was `a b e f` two rounds ago is `c d g h`.
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, wk);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0b1110>(wk));
        if i == 15 {
            self.words = [
                _mm_add_epi32(self.words[0], self.before[0]),
                _mm_add_epi32(self.words[1], self.before[1]),
            ];
            self.before = self.words;
        }
    }
}
