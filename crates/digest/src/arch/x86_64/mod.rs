//! x86-64.
//!
//! The kernels for one stream give it several digests in one pass. MD5 is a chain of operations that
//! wait for each other and leaves most of a core idle; the work of the other digests is put into that
//! room. A kernel consists of streams ([`md5`], [`sha512_integer`] or [`sha512_vector`], [`sha256`]),
//! and [`fused`] lays their rounds beside each other.

pub(crate) mod avx2;
mod avx2_lanes;
pub(crate) mod avx512;
mod avx512_lanes;
mod constants;
mod fused;
mod lanes;
mod md5;
mod sha256;
mod sha512_integer;
mod sha512_vector;

use std::arch::x86_64::*;

/// Who made the CPU, as it says itself.
fn vendor() -> [u8; 12] {
    let answer = __cpuid(0);
    let mut name = [0; 12];
    for (place, word) in name.as_chunks_mut().0.iter_mut().zip([answer.ebx, answer.edx, answer.ecx])
    {
        *place = word.to_le_bytes();
    }
    name
}

/// The 16 bytes in a register.
#[inline]
#[target_feature(enable = "sse2")]
fn load_128(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are read, from an address that need not be aligned.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// The 32 bytes in a register.
#[inline]
#[target_feature(enable = "avx")]
fn load_256(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes are read, from an address that need not be aligned.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Begins to load the block of that number, where there is one: so many lanes are too many streams of
/// memory for the processor to foresee.
#[inline]
#[target_feature(enable = "sse")]
fn prefetch<B>(blocks: &[B], number: usize) {
    _mm_prefetch::<_MM_HINT_T0>(blocks.as_ptr().wrapping_add(number).cast());
}

/// Aligns the stack of the function it is inlined into to cache lines, and with it all registers that
/// are spilled there: each across two lines would cost twice as much.
#[inline(always)]
fn align_stack() {
    #[repr(align(64))]
    struct Line(u8);
    forget(&mut Line(0).0);
}

/// Makes the optimiser forget what it knows of memory at `place`, so that what was written there has
/// to be read from there: it would keep the values in registers, of which there are none to spare.
#[inline(always)]
fn forget<T>(place: &mut T) {
    let place: *mut T = place;
    // SAFETY: the block holds no instruction.
    #[cfg(not(miri))]
    unsafe {
        core::arch::asm!("/* {} */", in(reg) place, options(nostack, preserves_flags));
    }
}
