//! The kernels: functions that take states and complete blocks.
//!
//! The kernels are equally fast in every profile that a program may be built with, because no relevant
//! decision is left to the optimiser:
//!
//! - A kernel is one function with `#[target_feature]`. Everything that it calls for a message block is
//!   `#[inline(always)]`. Rust does not allow both attributes on one function, so the helpers have only the
//!   second, and call intrinsics as methods of a value that guarantees the CPU feature.
//! - Indices and constants come from [`unroll!`] or are const parameters.
//! - There are no closures, iterators or other generic functions of the standard library. Without link-time
//!   optimisation, or with `opt-level = "s"`, they remain calls, and the values that they borrow remain in
//!   memory: SHA-512 ran at a tenth of its speed.
//!
//! `cargo xtask bench guard` measures the kernels in seven profiles.
//!
//! All `unsafe` of the crate is in this module. A kernel that needs more features than the target has by
//! default is a method of a value that only the detection of those features can create.

mod constants;
pub(crate) mod md5;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_64;

/// Repeats a block with a constant counter. The kernels have no loops inside a message block: the roles of
/// the registers and the constants follow from the number of the round.
macro_rules! unroll {
    ($i:ident < 4, $body:block) => { unroll!($i in 0 1 2 3, $body) };
    ($i:ident < 8, $body:block) => { unroll!($i in 0 1 2 3 4 5 6 7, $body) };
    ($i:ident < 16, $body:block) => {
        unroll!($i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15, $body)
    };
    ($i:ident < 32, $body:block) => {
        unroll!($i < 16, $body);
        unroll!($i in 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31, $body)
    };
    ($i:ident < 64, $body:block) => {
        unroll!($i < 32, $body);
        unroll!($i in 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57
            58 59 60 61 62 63, $body)
    };
    ($i:ident < 80, $body:block) => {
        unroll!($i < 64, $body);
        unroll!($i in 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79, $body)
    };
    ($i:ident in $($n:literal)*, $body:block) => { $({ const $i: usize = $n; $body })* };
}
use unroll;
