//! The implementations of other crates, which run everywhere and detect CPU features themselves.
//!
//! The choice of crates is based on measurements in interleaved slices on Zen 4, one core, in MB/s on an idle
//! machine:
//!
//! | algorithm | used | others |
//! |---|---|---|
//! | MD5 | own kernel 817 | openssl 764, md-5 640 |
//! | SHA-1 | sha1 1946 | openssl 1937, aws-lc-rs 1935, ring 454 |
//! | SHA-224, SHA-256 | sha2 1818 | ring 1816, aws-lc-rs 1815, openssl 1805 |
//! | SHA-384, SHA-512, SHA-512/256 | own kernel 728 | openssl 866, sha2 618, aws-lc-rs 611, ring 610 |
//! | SHA3-256, SHA3-512 | sha3 414, 212 | openssl 502, 270; aws-lc-rs 494, 261 |
//! | BLAKE2b | blake2b_simd 1205 | blake2 1148, openssl 951 |
//! | BLAKE2s | blake2 676 | blake2s_simd 637, openssl 555 |
//! | BLAKE3 | blake3 6625 | |
//!
//! The faster SHA-3 and SHA-512 need a cryptographic library in C, which this crate avoids.

use blake2::Blake2s256;
use digest::DynDigest;
use sha1::Sha1;
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use crate::{Algorithm, Digest};

/// One algorithm over one stream.
pub(crate) struct Hasher {
    algorithm: Algorithm,
    state: HasherState,
}

enum HasherState {
    RustCrypto(Box<dyn DynDigest + Send>),
    Blake2b(Box<blake2b_simd::State>),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// None for the algorithms that [`crate::block_hasher`] computes.
    pub(crate) fn new(algorithm: Algorithm) -> Option<Self> {
        let state: Box<dyn DynDigest + Send> = match algorithm {
            Algorithm::Sha1 => Box::new(Sha1::default()),
            Algorithm::Sha3_224 => Box::new(Sha3_224::default()),
            Algorithm::Sha3_256 => Box::new(Sha3_256::default()),
            Algorithm::Sha3_384 => Box::new(Sha3_384::default()),
            Algorithm::Sha3_512 => Box::new(Sha3_512::default()),
            Algorithm::Blake2s => Box::new(Blake2s256::default()),
            Algorithm::Blake2b => {
                let state = HasherState::Blake2b(Box::new(blake2b_simd::State::new()));
                return Some(Hasher { algorithm, state });
            }
            Algorithm::Blake3 => {
                let state = HasherState::Blake3(Box::new(blake3::Hasher::new()));
                return Some(Hasher { algorithm, state });
            }
            Algorithm::Md5
            | Algorithm::Sha224
            | Algorithm::Sha256
            | Algorithm::Sha384
            | Algorithm::Sha512
            | Algorithm::Sha512_256 => return None,
        };
        Some(Hasher { algorithm, state: HasherState::RustCrypto(state) })
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            HasherState::RustCrypto(state) => state.update(bytes),
            HasherState::Blake2b(state) => drop(state.update(bytes)),
            HasherState::Blake3(state) => drop(state.update(bytes)),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self.state {
            HasherState::RustCrypto(state) => Digest::new(self.algorithm, &state.finalize()),
            HasherState::Blake2b(state) => Digest::new(self.algorithm, state.finalize().as_bytes()),
            HasherState::Blake3(state) => Digest::new(self.algorithm, state.finalize().as_bytes()),
        }
    }
}

/// MD5 over complete blocks.
pub(crate) fn md5(state: &mut [u32; 4], blocks: &[[u8; 64]]) {
    md5::block_api::compress(state, blocks);
}

/// SHA-256 over complete blocks, with SHA-NI if available.
pub(crate) fn sha256(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
    sha2::block_api::compress256(state, blocks);
}

/// SHA-512 over complete blocks, with AVX2 if available.
pub(crate) fn sha512(state: &mut [u64; 8], blocks: &[[u8; 128]]) {
    sha2::block_api::compress512(state, blocks);
}
