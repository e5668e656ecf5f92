//! MD5 as one stream of a fused kernel: two blocks, 128 operations.

use super::features::Avx2;
use super::{forget, load_128, load_256, store_128, store_256};
use crate::arch::md5::{constant, feed_forward, operation, word};
use crate::arch::unroll;

/// With `WIDE` it uses registers of 256 bits; otherwise the upper halves of all registers stay zero, since
/// the instructions of [`super::sha256`] are slow next to used upper halves.
pub(super) struct Md5<'a, const WIDE: bool> {
    cpu: Avx2,
    pub(super) words: [u32; 4],
    before: [u32; 4],
    /// In another variable, since `forget` affects a complete variable.
    sums: &'a mut Md5Sums,
}

/// The message word plus the constant of each operation of a block. A few vector instructions compute them,
/// which saves the integer units one addition and one register per operation.
///
/// Each group of sixteen operations keeps the order of the block's words; the constants are permuted instead.
pub(super) struct Md5Sums([[u32; 8]; 8]);

impl Md5Sums {
    pub(super) const ZERO: Md5Sums = Md5Sums([[0; 8]; 8]);
}

static CONSTANTS: Md5Sums = Md5Sums({
    let mut constants = [[0; 8]; 8];
    let mut i = 0;
    while i < 64 {
        let [at, lane] = place(i);
        constants[at][lane] = constant::<true>(i);
        i += 1;
    }
    constants
});

/// The index of the sum of operation `i`.
const fn place(i: usize) -> [usize; 2] {
    let number = i / 16 * 16 + word(i);
    [number / 8, number % 8]
}

impl<'a, const WIDE: bool> Md5<'a, WIDE> {
    #[inline(always)]
    pub(super) fn new(cpu: Avx2, words: [u32; 4], sums: &'a mut Md5Sums) -> Self {
        Md5 { cpu, words, before: words, sums }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> [u32; 4] {
        self.words
    }

    /// Operation `I` of 128.
    #[inline(always)]
    pub(super) fn operation<const I: usize>(&mut self, block: &[u8; 128]) {
        if I.is_multiple_of(64) {
            let halves: &[[u8; 64]] = block.as_chunks().0;
            self.sum_up(&halves[I / 64]);
        }
        let [at, lane] = const { place(I % 64) };
        operation::<true, I>(&mut self.words, self.sums.0[at][lane]);
        if I % 64 == 63 {
            feed_forward(&mut self.words, self.before);
            self.before = self.words;
        }
    }

    #[inline(always)]
    fn sum_up(&mut self, block: &[u8; 64]) {
        if WIDE {
            let halves: &[[u8; 32]] = block.as_chunks().0;
            let x = [load_256(&halves[0]), load_256(&halves[1])];
            unroll!(I < 8, {
                let sum = self.cpu._mm256_add_epi32(x[I % 2], load_256(&CONSTANTS.0[I]));
                store_256(&mut self.sums.0[I], sum);
            });
        } else {
            let quarters: &[[u8; 16]] = block.as_chunks().0;
            unroll!(I < 16, {
                let constants: &[[u32; 4]] = CONSTANTS.0[I / 2].as_chunks().0;
                let x = load_128(&quarters[I % 4]);
                let sum = self.cpu._mm_add_epi32(x, load_128(&constants[I % 2]));
                let sums: &mut [[u32; 4]] = self.sums.0[I / 2].as_chunks_mut().0;
                store_128(&mut sums[I % 2], sum);
            });
        }
        forget(self.sums);
    }
}

/// `operations!(md5, block, FROM, TO)`: operations `FROM` to before `TO` of 128, at most four.
macro_rules! operations {
    ($md5:ident, $block:ident, $from:expr, $to:expr) => {
        const FROM: usize = $from;
        const TO: usize = $to;
        const { assert!(TO <= FROM + 4) };
        if FROM < TO {
            $md5.operation::<FROM>($block);
        }
        if FROM + 1 < TO {
            $md5.operation::<{ FROM + 1 }>($block);
        }
        if FROM + 2 < TO {
            $md5.operation::<{ FROM + 2 }>($block);
        }
        if FROM + 3 < TO {
            $md5.operation::<{ FROM + 3 }>($block);
        }
    };
}
pub(super) use operations;
