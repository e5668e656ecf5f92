//! MD5 as one stream of a fused kernel: two blocks, 128 operations.

use std::arch::x86_64::*;

use super::{forget, load_256};
use crate::arch::md5::{constant, feed_forward, operation, word};

pub(super) struct Md5<'a> {
    pub(super) words: [u32; 4],
    before: [u32; 4],
    /// Elsewhere, since `forget` makes the optimiser forget all of a variable.
    sums: &'a mut Sums,
}

/// Of each operation of a block the word of the message plus the constant. Made by a few vector
/// instructions, they spare the integer units an addition and a register an operation.
///
/// A group of sixteen operations keeps the order of the block's words, and so its constants are the
/// ones that move.
pub(super) struct Sums([u32; 64]);

impl Sums {
    pub(super) const ZERO: Sums = Sums([0; 64]);
}

static CONSTANTS: Sums = Sums({
    let mut constants = [0; 64];
    let mut i = 0;
    while i < 64 {
        constants[i / 16 * 16 + word(i)] = constant::<true>(i);
        i += 1;
    }
    constants
});

impl<'a> Md5<'a> {
    #[inline(always)]
    pub(super) fn new(words: [u32; 4], sums: &'a mut Sums) -> Self {
        Md5 { words, before: words, sums }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> [u32; 4] {
        self.words
    }

    /// Operations `FROM` to before `TO` of 128.
    #[inline]
    #[target_feature(enable = "bmi1,bmi2,avx2")]
    pub(super) fn operations<const FROM: usize, const TO: usize>(&mut self, block: &[u8; 128]) {
        const { assert!(TO <= FROM + 4) };
        if FROM < TO {
            self.operation(FROM, block);
        }
        if FROM + 1 < TO {
            self.operation(FROM + 1, block);
        }
        if FROM + 2 < TO {
            self.operation(FROM + 2, block);
        }
        if FROM + 3 < TO {
            self.operation(FROM + 3, block);
        }
    }

    #[inline]
    #[target_feature(enable = "bmi1,bmi2,avx2")]
    fn operation(&mut self, i: usize, block: &[u8; 128]) {
        if i.is_multiple_of(64) {
            let halves: &[[u8; 64]] = block.as_chunks().0;
            self.sum_up(&halves[i / 64]);
        }
        let i = i % 64;
        operation::<true>(i, &mut self.words, self.sums.0[i / 16 * 16 + word(i)]);
        if i == 63 {
            feed_forward(&mut self.words, self.before);
            self.before = self.words;
        }
    }

    #[inline]
    #[target_feature(enable = "bmi1,bmi2,avx2")]
    fn sum_up(&mut self, block: &[u8; 64]) {
        let [low, high] = block.as_chunks().0 else { unreachable!("64 bytes are twice 32") };
        let x = [load_256(low), load_256(high)];
        let sums = self.sums.0.as_chunks_mut::<8>().0;
        let constants = CONSTANTS.0.as_chunks::<8>().0;
        for (i, (sums, constants)) in sums.iter_mut().zip(constants).enumerate() {
            // SAFETY: 32 bytes are read, from an address that need not be aligned.
            let constants = unsafe { _mm256_loadu_si256(constants.as_ptr().cast()) };
            let sum = _mm256_add_epi32(x[i % 2], constants);
            // SAFETY: 32 bytes are written, to an address that need not be aligned.
            unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), sum) };
        }
        forget(self.sums);
    }
}
