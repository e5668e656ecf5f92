//! The kernels of x86-64.
//!
//! The kernels for one stream compute several digests in one pass. MD5 is a chain of dependent operations and
//! leaves most of a core idle; the work of the other digests uses those idle units. A kernel consists of
//! streams ([`md5`], [`sha512_integer`] or [`sha512_vector`], [`sha256`]), and [`fused`] interleaves their
//! rounds.

mod avx2;
mod avx2_lanes;
mod avx512;
mod avx512_lanes;
mod constants;
pub(crate) mod features;
mod fused;
mod lanes;
mod md5;
mod sha256;
mod sha512_integer;
mod sha512_vector;

use std::arch::x86_64::*;

/// Types that can be read from memory in any representation: numbers without padding.
trait Plain: Copy {}

impl Plain for u8 {}
impl Plain for u32 {}
impl Plain for u64 {}

/// Functions that load a register from memory and store it. They are plain memory accesses, so that they need
/// no `#[target_feature]` and can always be inlined; where vectors are enabled, each becomes one instruction.
macro_rules! memory {
    ($load:ident, $store:ident, $vector:ty) => {
        #[inline(always)]
        fn $load<T: Plain, const N: usize>(values: &[T; N]) -> $vector {
            const { assert!(size_of::<[T; N]>() == size_of::<$vector>()) };
            // SAFETY: the read has the size of the array, the address need not be aligned, and any bytes are
            // a valid vector.
            unsafe { values.as_ptr().cast::<$vector>().read_unaligned() }
        }

        #[inline(always)]
        fn $store<T: Plain, const N: usize>(values: &mut [T; N], vector: $vector) {
            const { assert!(size_of::<[T; N]>() == size_of::<$vector>()) };
            // SAFETY: the write has the size of the array, the address need not be aligned, and any bytes are
            // valid numbers.
            unsafe { values.as_mut_ptr().cast::<$vector>().write_unaligned(vector) };
        }
    };
}
memory!(load_128, store_128, __m128i);
memory!(load_256, store_256, __m256i);
memory!(load_512, store_512, __m512i);

/// Intrinsics as methods of `$cpu`, which only detection creates. They can always be inlined, and become one
/// instruction each in a function with the same features; elsewhere they would be calls.
macro_rules! intrinsics {
    ($cpu:ident:
        $(fn $name:ident $(<$($by:ident: $kind:ty),*>)? ($($x:ident: $in:ty),*) -> $out:ty;)*) => {
        impl $cpu {
            $(
                #[inline(always)]
                pub(super) fn $name $(<$(const $by: $kind),*>)? (self, $($x: $in),*) -> $out {
                    // SAFETY: only detection creates a `$cpu`, so the CPU has the instruction.
                    unsafe { std::arch::x86_64::$name $(::<$($by),*>)? ($($x),*) }
                }
            )*
        }
    };
}
use intrinsics;

/// Aligns the stack frame of the function that it is inlined into to cache lines, and so all spilled
/// registers: an access across two lines would cost twice as much.
#[inline(always)]
fn align_stack() {
    #[repr(align(64))]
    struct Line(u8);
    forget(&mut Line(0).0);
}

/// Makes the optimiser treat the memory at `place` as changed, so that values written there are read from
/// memory. Otherwise it would keep them in registers, of which there are too few.
#[inline(always)]
fn forget<T>(place: &mut T) {
    let place: *mut T = place;
    // SAFETY: the block contains no instruction.
    #[cfg(not(miri))]
    unsafe {
        core::arch::asm!("/* {} */", in(reg) place, options(nostack, preserves_flags));
    }
}
