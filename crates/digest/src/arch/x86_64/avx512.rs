//! One stream, several digests, with AVX-512VL: MD5 in the integer units, SHA-512 in the vector units.

use std::arch::x86_64::__cpuid;

use super::avx2::{Avx2, Avx2Sha};
use super::fused::{fence, md5_sha512, md5_sha512_sha256};
use super::{md5, sha256, sha512_integer, sha512_vector, vendor};
use crate::arch::unroll;

/// Proof that the CPU has AVX-512F, BW and VL, and what [`Avx2`] proves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

/// Proof that the CPU has SHA-NI as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512Sha(());

/// Which units of the core SHA-512 gets beside MD5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    /// MD5 has the integer units for itself.
    Vector,
    /// Both share the integer units.
    Integer,
}

impl Units {
    /// AMD's cores since Zen 5 (family 1Ah) have six integer units, and their vector instructions take
    /// two cycles where those of Zen 4 take one. There the integer units gain a quarter. Others are
    /// taken for like Zen 4, which is unmeasured.
    pub(crate) fn of_cpu() -> Self {
        let amd = vendor() == *b"AuthenticAMD";
        let signature = __cpuid(1).eax;
        let family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
        if amd && family >= 0x1a { Units::Integer } else { Units::Vector }
    }
}

impl Avx512 {
    pub(crate) fn new() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl");
        Avx2::new().filter(|_| all).map(|_| Avx512(()))
    }

    /// MD5 and SHA-512.
    pub(crate) fn md5_sha512(
        self,
        units: Units,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        blocks: &[[u8; 128]],
    ) {
        match units {
            // SAFETY: `new` found the features.
            Units::Vector => unsafe { vector_md5_sha512(md5, sha512, blocks) },
            // SAFETY: as above.
            Units::Integer => unsafe { integer_md5_sha512(md5, sha512, blocks) },
        }
    }
}

impl Avx512Sha {
    pub(crate) fn new() -> Option<Self> {
        Avx512::new().and(Avx2Sha::new()).map(|_| Avx512Sha(()))
    }

    /// MD5, SHA-512 and SHA-256.
    pub(crate) fn md5_sha512_sha256(
        self,
        units: Units,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        sha256: &mut [u32; 8],
        blocks: &[[u8; 128]],
    ) {
        match units {
            // SAFETY: `new` found the features.
            Units::Vector => unsafe { vector_md5_sha512_sha256(md5, sha512, sha256, blocks) },
            // SAFETY: as above.
            Units::Integer => unsafe { integer_md5_sha512_sha256(md5, sha512, sha256, blocks) },
        }
    }
}

md5_sha512!(vector_md5_sha512, "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl", sha512_vector);
md5_sha512_sha256!(
    vector_md5_sha512_sha256,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl,sha,sse4.1,ssse3",
    sha512_vector
);
md5_sha512!(
    integer_md5_sha512,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl",
    sha512_integer,
    extend_avx512
);
md5_sha512_sha256!(
    integer_md5_sha512_sha256,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl,sha,sse4.1,ssse3",
    sha512_integer,
    extend_avx512
);
