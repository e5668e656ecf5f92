//! Many streams, one digest: a stream a lane of the vector registers.
//!
//! A kernel takes `states[word][lane]` and of each lane the blocks, of which it adds as many as the
//! shortest lane has.
//!
//! The algorithms read as for one stream; what a word is, and what adding or turning it means, is
//! given by a module with the words of one register size. Lanes are independent: where fewer streams
//! are there than lanes, the caller fills the rest with anything and drops what comes out.
//!
//! These are macros since a function names the instructions it may use where it is written.

/// `fn name(states, lanes)`: MD5 of `$lanes` streams in `$groups` registers. Two registers at once take
/// hardly longer than one, since each waits for itself most of the time.
macro_rules! md5_lanes {
    ($name:ident, $features:literal, $words:ident, $groups:literal, $lanes:literal) => {
        #[target_feature(enable = $features)]
        fn $name(states: &mut [[u32; $lanes]; 4], lanes: [&[Block]; $lanes]) {
            const GROUPS: usize = $groups;
            /// Blocks from the one being hashed to the one being loaded. A block of all lanes takes about
            /// 0.1 us, and memory answers within a few of those.
            const AHEAD: usize = 8;
            use crate::arch::constants::{MD5_S, MD5_T};
            use crate::arch::md5::{roles, word};
            let lanes = lanes.map(|lane| lane.as_flattened().as_chunks::<64>().0);
            let blocks = lanes.iter().map(|lane| lane.len()).min().unwrap_or(0);
            let mut s = [[$words::splat(0); 4]; GROUPS];
            for (word, state) in states.iter().enumerate() {
                for (s, state) in s.iter_mut().zip(state.as_chunks().0) {
                    s[word] = $words::load(state);
                }
            }
            super::align_stack();
            for block in 0..blocks {
                let before = s;
                let mut x = [[$words::splat(0); 16]; GROUPS];
                for lane in lanes {
                    super::prefetch(lane, block + AHEAD);
                }
                for (group, x) in x.iter_mut().enumerate() {
                    let first = group * $words::LANES;
                    *x = $words::transpose(&from_fn(|lane| &lanes[first + lane][block]));
                }
                unroll!(I < 64, {
                    const S: i32 = MD5_S[I / 16][I % 4] as i32;
                    const ROLES: [usize; 4] = roles(I);
                    let t = $words::splat(MD5_T[I]);
                    for group in 0..GROUPS {
                        let [a, b, c, d] = ROLES.map(|role| s[group][role]);
                        // Pinned, since the optimiser would add the word or the constant last, where the
                        // next operation waits for it.
                        let sum = $words::add($words::add(a, t), x[group][word(I)]);
                        let sum = $words::pin(sum);
                        let f = match I / 16 {
                            0 => $words::choose(b, c, d),
                            1 => $words::choose(d, b, c),
                            2 => $words::xor3(b, c, d),
                            _ => $words::md5_i(b, c, d),
                        };
                        let sum = $words::add(sum, f);
                        s[group][ROLES[0]] =
                            $words::add($words::rotate_left::<S, { 32 - S }>(sum), b);
                    }
                });
                for (s, before) in s.iter_mut().zip(before) {
                    for (s, before) in s.iter_mut().zip(before) {
                        *s = $words::add(*s, before);
                    }
                }
            }
            for (word, state) in states.iter_mut().enumerate() {
                for (s, state) in s.iter().zip(state.as_chunks_mut().0) {
                    $words::store(state, s[word]);
                }
            }
        }
    };
}
pub(super) use md5_lanes;

/// `fn name(states, lanes)`: SHA-256 or SHA-512, of which `$word` is the word, `$bytes` the block, `$k`
/// the constants, `$rounds` their number, and the rest the turns and shifts of its functions, each with
/// the turn to the other side.
macro_rules! sha2_lanes {
    ($name:ident, $features:literal, $words:ident, $word:ty, $bytes:literal, $k:ident, $rounds:tt,
        sum0: $a0:tt $a1:tt $a2:tt, sum1: $b0:tt $b1:tt $b2:tt,
        sigma0: $c0:tt $c1:tt >> $c2:literal, sigma1: $d0:tt $d1:tt >> $d2:literal) => {
        #[target_feature(enable = $features)]
        fn $name(states: &mut [[$word; $words::LANES]; 8], lanes: [&[Block]; $words::LANES]) {
            const BITS: i32 = <$word>::BITS as i32;
            macro_rules! turn {
                ($x:expr, $by:literal) => {
                    $words::rotate_left::<{ BITS - $by }, $by>($x)
                };
            }
            let lanes = lanes.map(|lane| lane.as_flattened().as_chunks::<$bytes>().0);
            let blocks = lanes.iter().map(|lane| lane.len()).min().unwrap_or(0);
            let mut s = [$words::splat(0); 8];
            for (s, state) in s.iter_mut().zip(&*states) {
                *s = $words::load(state);
            }
            super::align_stack();
            for block in 0..blocks {
                let before = s;
                let mut w = $words::transpose_big_endian(&from_fn(|lane| &lanes[lane][block]));
                unroll!(T < $rounds, {
                    let at: [usize; 8] = from_fn(|role| (role + $rounds - T) % 8);
                    let [a, b, c, d, e, f, g, h] = at.map(|word| s[word]);
                    let sum1 = $words::xor3(turn!(e, $b0), turn!(e, $b1), turn!(e, $b2));
                    let sum0 = $words::xor3(turn!(a, $a0), turn!(a, $a1), turn!(a, $a2));
                    let wk = $words::add(w[T % 16], $words::splat($k[T]));
                    let t1 = $words::add($words::add(h, wk), $words::choose(e, f, g));
                    let t1 = $words::add(t1, sum1);
                    let t2 = $words::add(sum0, $words::majority(a, b, c));
                    s[at[3]] = $words::add(d, t1);
                    s[at[7]] = $words::add(t1, t2);
                    if T + 16 < $rounds {
                        // W(t) = sigma1(W(t-2)) + W(t-7) + sigma0(W(t-15)) + W(t-16)
                        let (x, y) = (w[(T + 1) % 16], w[(T + 14) % 16]);
                        let sigma0 = $words::xor3(
                            turn!(x, $c0),
                            turn!(x, $c1),
                            $words::shift_right::<$c2>(x),
                        );
                        let sigma1 = $words::xor3(
                            turn!(y, $d0),
                            turn!(y, $d1),
                            $words::shift_right::<$d2>(y),
                        );
                        let sum = $words::add(w[T % 16], w[(T + 9) % 16]);
                        w[T % 16] = $words::add(sum, $words::add(sigma0, sigma1));
                    }
                });
                for (s, before) in s.iter_mut().zip(before) {
                    *s = $words::add(*s, before);
                }
            }
            for (state, s) in states.iter_mut().zip(s) {
                $words::store(state, s);
            }
        }
    };
}
pub(super) use sha2_lanes;

/// FIPS 180-4, 4.1.2.
macro_rules! sha256_lanes {
    ($name:ident, $features:literal, $words:ident) => {
        sha2_lanes!($name, $features, $words, u32, 64, SHA256_K, 64,
            sum0: 2 13 22, sum1: 6 11 25, sigma0: 7 18 >> 3, sigma1: 17 19 >> 10);
    };
}
pub(super) use sha256_lanes;

/// FIPS 180-4, 4.1.3.
macro_rules! sha512_lanes {
    ($name:ident, $features:literal, $words:ident) => {
        sha2_lanes!($name, $features, $words, u64, 128, SHA512_K, 80,
            sum0: 28 34 39, sum1: 14 18 41, sigma0: 1 8 >> 7, sigma1: 19 61 >> 6);
    };
}
pub(super) use sha512_lanes;
