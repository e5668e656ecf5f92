//! Several digests of one stream, with interleaved rounds.
//!
//! Without measures, compilers separate the streams again, and the reorder window of a core is too short to
//! overlap them. So the work is divided into small parts, each followed by a [`fence!`] that no operation can
//! pass; between two fences the core interleaves the operations itself. In each part MD5 comes first: it is
//! the longest chain, and a core executes older operations first.
//!
//! These are macros, since a function has to declare its target features where it is written. `$features` are
//! those, `$cpu` guarantees that they are available, `$sha512::$stream` is the stream of SHA-512, and, for
//! [`sha512_integer`], there is the function that extends its schedule. Each gets the part of `$cpu` that it
//! needs.
//!
//! [`sha512_integer`]: super::sha512_integer

/// Prevents operations of the streams from passing. It contains no instruction. It tells the optimiser only
/// that the words must be in registers here and may have changed. One fence is used for all streams, since
/// each would let the operations of the others pass.
macro_rules! fence {
    ($md5:ident, $($others:tt)*) => { fence!(@ [$md5] $($others)*) };
    (@ [$md5:ident] sha512_integer $sha512:ident $t:ident $(, sha256 $sha256:ident)?) => {
        // SAFETY: the block holds no instruction.
        #[cfg(not(miri))]
        unsafe {
            std::arch::asm!(
                "/* {0:e} {1:e} {2:e} {3:e} {4} {5} {6} */",
                $(concat!("/* {abef} {cdgh} of ", stringify!($sha256), " */"),)?
                inout(reg) $md5.words[0], inout(reg) $md5.words[1],
                inout(reg) $md5.words[2], inout(reg) $md5.words[3],
                // The words that round `$t` wrote: all operations of the next round need one of them.
                inout(reg) $sha512.words[(87 - $t) % 8], inout(reg) $sha512.words[(83 - $t) % 8],
                inout(reg) $sha512.bc,
                $(abef = inout(xmm_reg) $sha256.words[0], cdgh = inout(xmm_reg) $sha256.words[1],)?
                options(pure, nomem, nostack, preserves_flags));
        }
        $sha512.settle::<$t>();
    };
    // After every second round: more fences are slower.
    (@ [$md5:ident] sha512_vector $sha512:ident $t:ident $(, sha256 $sha256:ident)?) => {
        #[cfg(not(miri))]
        if $t % 2 == 1 {
            // SAFETY: the block holds no instruction.
            unsafe {
                std::arch::asm!(
                    "/* {0:e} {1:e} {2:e} {3:e} {4} {5} {6} {7} {8} {9} {10} {11} */",
                    $(concat!("/* {abef} {cdgh} of ", stringify!($sha256), " */"),)?
                    inout(reg) $md5.words[0], inout(reg) $md5.words[1],
                    inout(reg) $md5.words[2], inout(reg) $md5.words[3],
                    inout(xmm_reg) $sha512.words[0], inout(xmm_reg) $sha512.words[1],
                    inout(xmm_reg) $sha512.words[2], inout(xmm_reg) $sha512.words[3],
                    inout(xmm_reg) $sha512.words[4], inout(xmm_reg) $sha512.words[5],
                    inout(xmm_reg) $sha512.words[6], inout(xmm_reg) $sha512.words[7],
                    $(abef = inout(xmm_reg) $sha256.words[0],
                    cdgh = inout(xmm_reg) $sha256.words[1],)?
                    options(pure, nomem, nostack, preserves_flags));
            }
        }
    };
    (@ [$md5:ident] sha256 $sha256:ident) => {
        // SAFETY: the block holds no instruction.
        #[cfg(not(miri))]
        unsafe {
            std::arch::asm!(
                "/* {0:e} {1:e} {2:e} {3:e} {4} {5} */",
                inout(reg) $md5.words[0], inout(reg) $md5.words[1],
                inout(reg) $md5.words[2], inout(reg) $md5.words[3],
                inout(xmm_reg) $sha256.words[0], inout(xmm_reg) $sha256.words[1],
                options(pure, nomem, nostack, preserves_flags));
        }
    };
}
pub(super) use fence;

/// `fn md5_sha512(cpu, md5, sha512, blocks)`: each part has one round of SHA-512 and 1.6 operations of MD5.
macro_rules! md5_sha512 {
    ($name:ident, $features:literal, $cpu:ty, $sha512:ident::$stream:ident($level:ident)
        $(, $extend:ident($with:ident))?) => {
        #[target_feature(enable = $features)]
        fn $name(
            cpu: $cpu,
            md5_state: &mut [u32; 4],
            sha512_state: &mut [u64; 8],
            blocks: &[[u8; 128]],
        ) {
            let (mut md5_sums, mut sums) = (md5::Md5Sums::ZERO, $sha512::$stream::ZERO_SUMS);
            let mut md5 = md5::Md5::<true>::new(cpu.avx2(), *md5_state, &mut md5_sums);
            let mut sha512 = $sha512::$stream::new(cpu.$level(), *sha512_state, &mut sums);
            for block in blocks {
                sha512.message(block);
                unroll!(T < 80, {
                    md5::operations!(md5, block, 128 * T / 80, 128 * (T + 1) / 80);
                    sha512.round::<T>();
                    $(sha512.$extend::<T>(cpu.$with());)?
                    fence!(md5, $sha512 sha512 T);
                });
            }
            *md5_state = md5.state();
            *sha512_state = sha512.state();
        }
    };
}
pub(super) use md5_sha512;

/// `fn md5_sha512_sha256(cpu, md5, sha512, sha256, blocks)`: as [`md5_sha512!`], and each part has 0.4 of the
/// 32 steps of SHA-256.
macro_rules! md5_sha512_sha256 {
    ($name:ident, $features:literal, $cpu:ty, $sha512:ident::$stream:ident($level:ident)
        $(, $extend:ident($with:ident))?) => {
        #[target_feature(enable = $features)]
        fn $name(
            cpu: $cpu,
            md5_state: &mut [u32; 4],
            sha512_state: &mut [u64; 8],
            sha256_state: &mut [u32; 8],
            blocks: &[[u8; 128]],
        ) {
            let (mut md5_sums, mut sums) = (md5::Md5Sums::ZERO, $sha512::$stream::ZERO_SUMS);
            let mut md5 = md5::Md5::<true>::new(cpu.avx2(), *md5_state, &mut md5_sums);
            let mut sha512 = $sha512::$stream::new(cpu.$level(), *sha512_state, &mut sums);
            let mut sha256 = sha256::Sha256::new(cpu.sha(), *sha256_state);
            for block in blocks {
                sha512.message(block);
                unroll!(T < 80, {
                    md5::operations!(md5, block, 128 * T / 80, 128 * (T + 1) / 80);
                    sha256::steps!(sha256, block, 32 * T / 80, 32 * (T + 1) / 80);
                    sha512.round::<T>();
                    $(sha512.$extend::<T>(cpu.$with());)?
                    fence!(md5, $sha512 sha512 T, sha256 sha256);
                });
            }
            *md5_state = md5.state();
            *sha512_state = sha512.state();
            *sha256_state = sha256.state();
        }
    };
}
pub(super) use md5_sha512_sha256;
