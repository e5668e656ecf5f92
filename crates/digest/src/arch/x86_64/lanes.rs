//! Many streams, one digest: each lane of the vector registers holds one stream.
//!
//! A kernel takes `states[word][lane]` and the blocks of each lane. It adds the number of blocks that the
//! shortest lane has.
//!
//! The algorithms look as for one stream; [`Words`] defines what a word is, and how to add and rotate it.
//! Lanes are independent: if there are fewer streams than lanes, the caller fills the others with any data
//! and ignores their results.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::align_stack;
use super::constants::{SHA256_K, SHA512_K, sha2_roles};
use crate::arch::constants::{MD5_S, MD5_T};
use crate::arch::md5::{roles, word};
use crate::arch::unroll;
use crate::blocks::Block;

/// Registers of `N` words each, with `BLOCK` bytes per block. The rules for implementations are those of all
/// kernels (see [`crate::arch`]).
pub(super) trait Words<const N: usize, const BLOCK: usize>: Copy {
    /// The content of one lane.
    type Word: Copy;
    /// The vector register with all lanes.
    type Register: Copy;

    fn splat(self, x: Self::Word) -> Self::Register;
    fn load(self, words: &[Self::Word; N]) -> Self::Register;
    fn store(self, words: &mut [Self::Word; N], x: Self::Register);
    fn add(self, x: Self::Register, y: Self::Register) -> Self::Register;
    fn xor3(self, x: Self::Register, y: Self::Register, z: Self::Register) -> Self::Register;
    /// `(x & y) | (!x & z)`
    fn choose(self, x: Self::Register, y: Self::Register, z: Self::Register) -> Self::Register;
    /// `(x & y) ^ (x & z) ^ (y & z)`
    fn majority(self, x: Self::Register, y: Self::Register, z: Self::Register) -> Self::Register;
    /// Rotates by `LEFT`; `RIGHT` is the equivalent rotation to the right.
    fn rotate<const LEFT: i32, const RIGHT: i32>(self, x: Self::Register) -> Self::Register;
    /// `I` and `U` are the same number.
    fn shift_right<const I: i32, const U: u32>(self, x: Self::Register) -> Self::Register;
    /// The 16 words of block number `block` of each lane, from lane `first` on, one word per register.
    /// `BIG_ENDIAN` is the byte order of the words in the blocks.
    fn transpose<const BIG_ENDIAN: bool>(
        self,
        lanes: &[&[[u8; BLOCK]]],
        first: usize,
        block: usize,
    ) -> [Self::Register; 16];
}

/// The additional operations of MD5.
pub(super) trait Md5Words<const N: usize>: Words<N, 64, Word = u32> {
    /// `y ^ (x | !z)`
    fn md5_i(self, x: Self::Register, y: Self::Register, z: Self::Register) -> Self::Register;
    /// As `pin` of `arch::md5`.
    fn pin(self, x: Self::Register) -> Self::Register;
}

/// The blocks of `BYTES` of each lane, and the number in the shortest one.
#[inline(always)]
fn split<'a, const LANES: usize, const BYTES: usize>(
    lanes: &[&'a [Block]; LANES],
) -> ([&'a [[u8; BYTES]]; LANES], usize) {
    let mut split: [&[[u8; BYTES]]; LANES] = [&[]; LANES];
    let mut shortest = usize::MAX;
    let mut lane = 0;
    while lane < LANES {
        split[lane] = lanes[lane].as_flattened().as_chunks().0;
        if split[lane].len() < shortest {
            shortest = split[lane].len();
        }
        lane += 1;
    }
    (split, shortest)
}

/// MD5 of `LANES` streams in `GROUPS` registers of `N`, one or two. Two take hardly longer than one, since
/// each spends most of the time waiting for its own chain.
#[inline(always)]
pub(super) fn md5<W: Md5Words<N>, const N: usize, const GROUPS: usize, const LANES: usize>(
    w: W,
    states: &mut [[u32; LANES]; 4],
    lanes: [&[Block]; LANES],
) {
    /// Distance in blocks from the one being hashed to the one being prefetched. A block of all lanes takes
    /// about 0.1 us, and memory has a latency of a few times that.
    const AHEAD: usize = 8;
    const { assert!(N * GROUPS == LANES && GROUPS <= 2) };
    let (lanes, blocks) = split::<LANES, 64>(&lanes);
    let mut s = [[w.splat(0); 4]; GROUPS];
    unroll!(WORD < 4, {
        let states: &[[u32; N]] = states[WORD].as_chunks().0;
        s[0][WORD] = w.load(&states[0]);
        if GROUPS > 1 {
            s[1 % GROUPS][WORD] = w.load(&states[1]);
        }
    });
    align_stack();
    let mut block = 0;
    while block < blocks {
        let before = s;
        let mut lane = 0;
        while lane < LANES {
            // The hardware prefetcher cannot follow this number of memory streams.
            let ahead = lanes[lane].as_ptr().wrapping_add(block + AHEAD);
            // SAFETY: every CPU of this architecture has the instruction, which accesses no memory
            // architecturally, so any address is allowed.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(ahead.cast()) };
            lane += 1;
        }
        let x = w.transpose::<false>(&lanes, 0, block);
        let y = if GROUPS > 1 { w.transpose::<false>(&lanes, N, block) } else { x };
        unroll!(I < 64, {
            const S: i32 = MD5_S[I / 16][I % 4] as i32;
            md5_operation::<W, N, I, S, { 32 - S }>(w, &mut s[0], &x);
            if GROUPS > 1 {
                md5_operation::<W, N, I, S, { 32 - S }>(w, &mut s[1 % GROUPS], &y);
            }
        });
        unroll!(WORD < 4, {
            s[0][WORD] = w.add(s[0][WORD], before[0][WORD]);
            if GROUPS > 1 {
                s[1 % GROUPS][WORD] = w.add(s[1 % GROUPS][WORD], before[1 % GROUPS][WORD]);
            }
        });
        block += 1;
    }
    unroll!(WORD < 4, {
        let states: &mut [[u32; N]] = states[WORD].as_chunks_mut().0;
        w.store(&mut states[0], s[0][WORD]);
        if GROUPS > 1 {
            w.store(&mut states[1], s[1 % GROUPS][WORD]);
        }
    });
}

/// Operation `I` of 64 (RFC 1321, 3.4), which rotates by `LEFT`.
#[inline(always)]
fn md5_operation<
    W: Md5Words<N>,
    const N: usize,
    const I: usize,
    const LEFT: i32,
    const RIGHT: i32,
>(
    w: W,
    s: &mut [W::Register; 4],
    x: &[W::Register; 16],
) {
    let at = const { roles(I) };
    let (a, b, c, d) = (s[at[0]], s[at[1]], s[at[2]], s[at[3]]);
    // Pinned, since the optimiser would add the word or the constant last, where it delays the next
    // operation.
    let sum = w.add(w.add(a, w.splat(const { MD5_T[I] })), x[const { word(I) }]);
    let sum = w.pin(sum);
    let f = match I / 16 {
        0 => w.choose(b, c, d),
        1 => w.choose(d, b, c),
        2 => w.xor3(b, c, d),
        _ => w.md5_i(b, c, d),
    };
    s[at[0]] = w.add(w.rotate::<LEFT, RIGHT>(w.add(sum, f)), b);
}

/// `fn name(words, states, lanes)`: SHA-256 or SHA-512. `$word` is the word type, `$bytes` the size of a
/// block, `$k` the constants, `$rounds` their number, and the rest are the rotations and shifts of its
/// functions.
macro_rules! sha2 {
    ($name:ident, $round:ident, $word:ty, $bytes:literal, $k:ident, $rounds:tt,
        sum0: $a0:tt $a1:tt $a2:tt, sum1: $b0:tt $b1:tt $b2:tt,
        sigma0: $c0:tt $c1:tt >> $c2:literal, sigma1: $d0:tt $d1:tt >> $d2:literal) => {
        #[inline(always)]
        pub(super) fn $name<W: Words<N, $bytes, Word = $word>, const N: usize>(
            words: W,
            states: &mut [[$word; N]; 8],
            lanes: [&[Block]; N],
        ) {
            let (lanes, blocks) = split::<N, $bytes>(&lanes);
            let mut s = [words.splat(0); 8];
            unroll!(WORD < 8, {
                s[WORD] = words.load(&states[WORD]);
            });
            align_stack();
            let mut block = 0;
            while block < blocks {
                let before = s;
                let mut w = words.transpose::<true>(&lanes, 0, block);
                unroll!(T < $rounds, {
                    $round::<W, N, T>(words, &mut s, &mut w);
                });
                unroll!(WORD < 8, {
                    s[WORD] = words.add(s[WORD], before[WORD]);
                });
                block += 1;
            }
            unroll!(WORD < 8, {
                words.store(&mut states[WORD], s[WORD]);
            });
        }

        /// Round `T`, and the word for the sixteenth round after it.
        #[inline(always)]
        fn $round<W: Words<N, $bytes, Word = $word>, const N: usize, const T: usize>(
            words: W,
            s: &mut [W::Register; 8],
            w: &mut [W::Register; 16],
        ) {
            const BITS: i32 = <$word>::BITS as i32;
            macro_rules! turn {
                ($x:ident, $by:literal) => {
                    words.rotate::<{ BITS - $by }, $by>($x)
                };
            }
            let at = const { sha2_roles(T) };
            let (a, b, c, d) = (s[at[0]], s[at[1]], s[at[2]], s[at[3]]);
            let (e, f, g, h) = (s[at[4]], s[at[5]], s[at[6]], s[at[7]]);
            let sum1 = words.xor3(turn!(e, $b0), turn!(e, $b1), turn!(e, $b2));
            let sum0 = words.xor3(turn!(a, $a0), turn!(a, $a1), turn!(a, $a2));
            let wk = words.add(w[T % 16], words.splat(const { $k[T] }));
            let t1 = words.add(words.add(h, wk), words.choose(e, f, g));
            let t1 = words.add(t1, sum1);
            let t2 = words.add(sum0, words.majority(a, b, c));
            s[at[3]] = words.add(d, t1);
            s[at[7]] = words.add(t1, t2);
            if T + 16 < $rounds {
                // W(t) = sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)
                let (x, y) = (w[(T + 1) % 16], w[(T + 14) % 16]);
                let shifted = words.shift_right::<$c2, $c2>(x);
                let sigma0 = words.xor3(turn!(x, $c0), turn!(x, $c1), shifted);
                let shifted = words.shift_right::<$d2, $d2>(y);
                let sigma1 = words.xor3(turn!(y, $d0), turn!(y, $d1), shifted);
                let sum = words.add(w[T % 16], w[(T + 9) % 16]);
                w[T % 16] = words.add(sum, words.add(sigma0, sigma1));
            }
        }
    };
}
// FIPS 180-4, 4.1.2 and 4.1.3.
sha2!(sha256, sha256_round, u32, 64, SHA256_K, 64,
    sum0: 2 13 22, sum1: 6 11 25, sigma0: 7 18 >> 3, sigma1: 17 19 >> 10);
sha2!(sha512, sha512_round, u64, 128, SHA512_K, 80,
    sum0: 28 34 39, sum1: 14 18 41, sigma0: 1 8 >> 7, sigma1: 19 61 >> 6);
