//! SHA-256 as one stream of a kernel, with the SHA-NI instructions: two blocks, 32 steps of four rounds.

use std::arch::x86_64::*;

use super::constants::SHA256_K;
use super::features::Avx2Sha;
use super::{load_128, store_128};

pub(super) struct Sha256 {
    cpu: Avx2Sha,
    /// `a b e f` and `c d g h`, each from the highest position down, as the instructions require.
    pub(super) words: [__m128i; 2],
    before: [__m128i; 2],
    /// The current 16 words of the schedule.
    schedule: [__m128i; 4],
}

impl Sha256 {
    #[inline(always)]
    pub(super) fn new(cpu: Avx2Sha, words: [u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = words;
        let words = [load_128(&[f, e, b, a]), load_128(&[h, g, d, c])];
        Sha256 { cpu, words, before: words, schedule: [load_128(&[0u32; 4]); 4] }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> [u32; 8] {
        let (mut abef, mut cdgh) = ([0; 4], [0; 4]);
        store_128(&mut abef, self.words[0]);
        store_128(&mut cdgh, self.words[1]);
        let ([f, e, b, a], [h, g, d, c]) = (abef, cdgh);
        [a, b, c, d, e, f, g, h]
    }

    /// Step `STEP` of 32: rounds `4 * i` to `4 * i + 3` of 64 in one half of a block (FIPS 180-4, 6.2.2),
    /// where `i` is `STEP % 16`.
    #[inline(always)]
    pub(super) fn step<const STEP: usize>(&mut self, block: &[u8; 128]) {
        let cpu = self.cpu;
        let [minus_16, minus_12] = [self.schedule[STEP % 4], self.schedule[(STEP + 1) % 4]];
        let [minus_8, minus_4] = [self.schedule[(STEP + 2) % 4], self.schedule[(STEP + 3) % 4]];
        let w = if STEP % 16 < 4 {
            // The words of a block are big-endian.
            let swap = load_128(&[0x0405_0607_0001_0203u64, 0x0c0d_0e0f_0809_0a0b]);
            let words: &[[u8; 16]] = block.as_chunks().0;
            cpu._mm_shuffle_epi8(load_128(&words[STEP / 16 * 4 + STEP % 4]), swap)
        } else {
            // W(t) = sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)
            let sum = cpu._mm_sha256msg1_epu32(minus_16, minus_12);
            let sum = cpu._mm_add_epi32(sum, cpu._mm_alignr_epi8::<4>(minus_4, minus_8));
            cpu._mm_sha256msg2_epu32(sum, minus_4)
        };
        self.schedule[STEP % 4] = w;
        let k = const { &SHA256_K.as_chunks::<4>().0[STEP % 16] };
        let wk = cpu._mm_add_epi32(w, load_128(k));
        // The previous `a b e f` is `c d g h` two rounds later.
        self.words[1] = cpu._mm_sha256rnds2_epu32(self.words[1], self.words[0], wk);
        let wk = cpu._mm_shuffle_epi32::<0b1110>(wk);
        self.words[0] = cpu._mm_sha256rnds2_epu32(self.words[0], self.words[1], wk);
        if STEP % 16 == 15 {
            self.words[0] = cpu._mm_add_epi32(self.words[0], self.before[0]);
            self.words[1] = cpu._mm_add_epi32(self.words[1], self.before[1]);
            self.before = self.words;
        }
    }
}

/// `steps!(sha256, block, FROM, TO)`: steps `FROM` to before `TO` of 32, at most one.
macro_rules! steps {
    ($sha256:ident, $block:ident, $from:expr, $to:expr) => {
        const STEP: usize = $from;
        const { assert!($to <= STEP + 1) };
        if STEP < $to {
            $sha256.step::<STEP>($block);
        }
    };
}
pub(super) use steps;
