//! One stream, several digests, with AVX-512VL: MD5 in the integer units, SHA-512 in the vector units.

use super::features::{Avx512, Avx512Sha, Units};
use super::fused::{fence, md5_sha512, md5_sha512_sha256};
use super::{md5, sha256, sha512_integer, sha512_vector};
use crate::arch::unroll;

impl Avx512 {
    /// MD5 and SHA-512.
    pub(crate) fn md5_sha512(
        self,
        units: Units,
        md5: &mut [u32; 4],
        sha512: &mut [u64; 8],
        blocks: &[[u8; 128]],
    ) {
        match units {
            // SAFETY: `Avx512::new` found the features.
            Units::Vector => unsafe { vector_md5_sha512(self, md5, sha512, blocks) },
            // SAFETY: as above.
            Units::Integer => unsafe { integer_md5_sha512(self, md5, sha512, blocks) },
        }
    }
}

impl Avx512Sha {
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
            // SAFETY: `Avx512Sha::new` found the features.
            Units::Vector => unsafe { vector_md5_sha512_sha256(self, md5, sha512, sha256, blocks) },
            // SAFETY: as above.
            Units::Integer => unsafe {
                integer_md5_sha512_sha256(self, md5, sha512, sha256, blocks);
            },
        }
    }
}

md5_sha512!(
    vector_md5_sha512,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl",
    Avx512,
    sha512_vector::Sha512Vector(avx512)
);
md5_sha512_sha256!(
    vector_md5_sha512_sha256,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl,sha,sse4.1,ssse3",
    Avx512Sha,
    sha512_vector::Sha512Vector(avx512)
);
md5_sha512!(
    integer_md5_sha512,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl",
    Avx512,
    sha512_integer::Sha512Integer(avx2),
    extend_avx512(avx512)
);
md5_sha512_sha256!(
    integer_md5_sha512_sha256,
    "bmi1,bmi2,avx2,avx512f,avx512bw,avx512vl,sha,sse4.1,ssse3",
    Avx512Sha,
    sha512_integer::Sha512Integer(avx2),
    extend_avx512(avx512)
);
