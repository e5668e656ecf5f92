//! MD5 in the integer registers, limited only by its chain of dependent operations.
//!
//! The chain takes 288 cycles per block. Compilers do not reach that: they add the constant after the
//! function of `b`, `c` and `d`, the one term that is available last. [`pin`] prevents that.

use super::constants::{MD5_S, MD5_T};
use super::unroll;

/// Adds blocks to a state.
pub(crate) fn compress(state: &mut [u32; 4], blocks: &[[u8; 128]]) {
    for block in blocks.as_flattened().as_chunks::<64>().0 {
        let before = *state;
        let x: &[[u8; 4]] = block.as_chunks().0;
        unroll!(I < 64, {
            const K: usize = word(I);
            const T: u32 = constant::<false>(I);
            operation::<false, I>(state, u32::from_le_bytes(x[K]).wrapping_add(T));
        });
        feed_forward(state, before);
    }
}

/// `k` of operation `i`: the index of the word of the block that it adds (RFC 1321, 3.4).
pub(super) const fn word(i: usize) -> usize {
    match i / 16 {
        0 => i,
        1 => (5 * i + 1) % 16,
        2 => (3 * i + 5) % 16,
        _ => (7 * i) % 16,
    }
}

/// `T[i]`, minus one where [`operation`] with `ANDN` adds one too much.
pub(super) const fn constant<const ANDN: bool>(i: usize) -> u32 {
    if ANDN && i >= 48 { MD5_T[i].wrapping_sub(1) } else { MD5_T[i] }
}

/// Operation `I` of 64, where `I` counts modulo 64 (RFC 1321, 3.4): `a = b + ((a + f(b, c, d) + X[k] + T[i])
/// <<< s)`. `xt` is `X[k] + T[i]`. The roles of the four words rotate with `I`, so that no word moves.
///
/// `ANDN` is for CPUs with an instruction for `!x & y`, with which the function I takes one instruction
/// instead of three.
#[inline(always)]
pub(super) fn operation<const ANDN: bool, const I: usize>(state: &mut [u32; 4], xt: u32) {
    let [a, b, c, d] = const { roles(I) };
    let (x, y, z) = (state[b], state[c], state[d]);
    let sum = pin(state[a].wrapping_add(xt));
    let sum = match I / 16 % 4 {
        // F(x, y, z) = (x & y) | (!x & z)
        0 => sum.wrapping_add(((y ^ z) & x) ^ z),
        // G(x, y, z) = (x & z) | (y & !z): no bit is in both terms, so they can be added, and one of them is
        // available before `x` is.
        1 => pin(sum.wrapping_add(y & !z)).wrapping_add(x & z),
        // H(x, y, z) = x ^ y ^ z
        2 => sum.wrapping_add(pin(y ^ z) ^ x),
        // I(x, y, z) = y ^ (x | !z) = !(y ^ (!x & z)), and adding `!v` is subtracting `v + 1`.
        _ if ANDN => sum.wrapping_sub(y ^ (!x & z)),
        _ => sum.wrapping_add(y ^ (x | !z)),
    };
    state[a] = sum.rotate_left(const { MD5_S[I / 16 % 4][I % 4] }).wrapping_add(x);
}

/// The indices of `a`, `b`, `c` and `d` in operation `i`.
pub(super) const fn roles(i: usize) -> [usize; 4] {
    let a = 4 - i % 4;
    [a % 4, (a + 1) % 4, (a + 2) % 4, (a + 3) % 4]
}

/// Ends a block: adds the state from before it.
#[inline(always)]
pub(super) fn feed_forward(state: &mut [u32; 4], before: [u32; 4]) {
    unroll!(WORD < 4, {
        state[WORD] = state[WORD].wrapping_add(before[WORD]);
    });
}

/// Returns the same value in a register, opaque to the optimiser: it can neither move parts of a sum past
/// this point nor compute them again.
#[inline(always)]
fn pin(mut value: u32) -> u32 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: the block contains no instruction, only the name of the register.
    unsafe {
        core::arch::asm!("/* {0:e} */", inout(reg) value,
            options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: the block contains no instruction, only the name of the register.
    unsafe {
        core::arch::asm!("/* {0:w} */", inout(reg) value,
            options(pure, nomem, nostack, preserves_flags));
    }
    value
}
