//! The RustCrypto implementations: they run everywhere, and find SHA-NI and AVX2 themselves.

use blake2::{Blake2b512, Blake2s256};
use digest::DynDigest;
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use crate::{Algorithm, Digest};

/// One algorithm over one stream.
pub(crate) struct Hasher {
    algorithm: Algorithm,
    state: Box<dyn DynDigest + Send>,
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let state: Box<dyn DynDigest + Send> = match algorithm {
            Algorithm::Md5 => Box::new(Md5::default()),
            Algorithm::Sha1 => Box::new(Sha1::default()),
            Algorithm::Sha224 => Box::new(Sha224::default()),
            Algorithm::Sha256 => Box::new(Sha256::default()),
            Algorithm::Sha384 => Box::new(Sha384::default()),
            Algorithm::Sha512 => Box::new(Sha512::default()),
            Algorithm::Sha512_256 => Box::new(Sha512_256::default()),
            Algorithm::Sha3_224 => Box::new(Sha3_224::default()),
            Algorithm::Sha3_256 => Box::new(Sha3_256::default()),
            Algorithm::Sha3_384 => Box::new(Sha3_384::default()),
            Algorithm::Sha3_512 => Box::new(Sha3_512::default()),
            Algorithm::Blake2b => Box::new(Blake2b512::default()),
            Algorithm::Blake2s => Box::new(Blake2s256::default()),
        };
        Hasher { algorithm, state }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::new(self.algorithm, &self.state.finalize())
    }
}
