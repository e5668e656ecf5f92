//! x86-64.
//!
//! The kernels for one stream give it several digests in one pass. MD5 is a chain of operations that
//! wait for each other and leaves most of a core idle; the work of the other digests is put into that
//! room. A kernel consists of streams ([`md5`], [`sha512_integer`] or [`sha512_vector`], [`sha256`]),
//! and [`fused`] lays their rounds beside each other.

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

/// What may be read from memory as it lies there: numbers without padding.
trait Plain: Copy {}

impl Plain for u8 {}
impl Plain for u32 {}
impl Plain for u64 {}

/// A function that reads a register from memory and one that writes it there. They are plain accesses to
/// memory, so that they need no `#[target_feature]` and can always be inlined; where vectors are enabled
/// each becomes an instruction.
macro_rules! memory {
    ($load:ident, $store:ident, $vector:ty) => {
        #[inline(always)]
        fn $load<T: Plain, const N: usize>(values: &[T; N]) -> $vector {
            const { assert!(size_of::<[T; N]>() == size_of::<$vector>()) };
            // SAFETY: as many bytes are read as there are, from an address that need not be aligned, and
            // any bytes make a vector.
            unsafe { values.as_ptr().cast::<$vector>().read_unaligned() }
        }

        #[inline(always)]
        fn $store<T: Plain, const N: usize>(values: &mut [T; N], vector: $vector) {
            const { assert!(size_of::<[T; N]>() == size_of::<$vector>()) };
            // SAFETY: as many bytes are written as there are, to an address that need not be aligned, and
            // any bytes make numbers.
            unsafe { values.as_mut_ptr().cast::<$vector>().write_unaligned(vector) };
        }
    };
}
memory!(load_128, store_128, __m128i);
memory!(load_256, store_256, __m256i);
memory!(load_512, store_512, __m512i);

/// Intrinsics as methods of `$cpu`, which only detection makes. They can always be inlined, and become
/// an instruction each in a function where the same instructions are enabled; elsewhere they would be
/// calls.
macro_rules! intrinsics {
    ($cpu:ident:
        $(fn $name:ident $(<$($by:ident: $kind:ty),*>)? ($($x:ident: $in:ty),*) -> $out:ty;)*) => {
        impl $cpu {
            $(
                #[inline(always)]
                pub(super) fn $name $(<$(const $by: $kind),*>)? (self, $($x: $in),*) -> $out {
                    // SAFETY: only detection makes a `$cpu`, so the CPU has the instruction.
                    unsafe { std::arch::x86_64::$name $(::<$($by),*>)? ($($x),*) }
                }
            )*
        }
    };
}
use intrinsics;

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
