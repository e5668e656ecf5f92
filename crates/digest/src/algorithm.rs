//! The algorithms, with their names in an image service and in lists of checksums.

use std::fmt;

/// A hash algorithm.
///
/// `Display` and `FromStr` use the spelling of Python's `hashlib`, which `os_hash_algo` contains; spellings
/// such as `SHA-256` are accepted too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 1321; `checksum` of an image.
    Md5,
    /// FIPS 180-4.
    Sha1,
    /// FIPS 180-4.
    Sha224,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha384,
    /// FIPS 180-4; `os_hash_value` of an image unless the service is configured for another.
    Sha512,
    /// SHA-512/256 of FIPS 180-4.
    Sha512_256,
    /// FIPS 202.
    Sha3_224,
    /// FIPS 202.
    Sha3_256,
    /// FIPS 202.
    Sha3_384,
    /// FIPS 202.
    Sha3_512,
    /// RFC 7693 with 64 bytes, no key.
    Blake2b,
    /// RFC 7693 with 32 bytes, no key.
    Blake2s,
    /// BLAKE3 with 32 bytes, no key. No image service supports it; it is for a user's own lists.
    Blake3,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Algorithm; 14] = [
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha224,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
        Algorithm::Sha512_256,
        Algorithm::Sha3_224,
        Algorithm::Sha3_256,
        Algorithm::Sha3_384,
        Algorithm::Sha3_512,
        Algorithm::Blake2b,
        Algorithm::Blake2s,
        Algorithm::Blake3,
    ];

    /// One algorithm for each length of digest: the most likely one in a list that does not name it.
    pub const USUAL: [Algorithm; 6] = [
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha224,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
    ];

    /// The usual algorithm whose digests have this number of hexadecimal digits.
    pub(crate) fn usual(digits: usize) -> Option<Self> {
        Algorithm::USUAL.into_iter().find(|algorithm| 2 * algorithm.digest_bytes() == digits)
    }

    /// The name in the spelling of `hashlib`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha224 => "sha224",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
            Algorithm::Sha512_256 => "sha512_256",
            Algorithm::Sha3_224 => "sha3_224",
            Algorithm::Sha3_256 => "sha3_256",
            Algorithm::Sha3_384 => "sha3_384",
            Algorithm::Sha3_512 => "sha3_512",
            Algorithm::Blake2b => "blake2b",
            Algorithm::Blake2s => "blake2s",
            Algorithm::Blake3 => "blake3",
        }
    }

    /// The name in tagged lists of checksums, as the BSDs and coreutils with `--tag` write it.
    #[must_use]
    pub fn bsd_name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha224 => "SHA224",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha384 => "SHA384",
            Algorithm::Sha512 => "SHA512",
            Algorithm::Sha512_256 => "SHA512-256",
            Algorithm::Sha3_224 => "SHA3-224",
            Algorithm::Sha3_256 => "SHA3-256",
            Algorithm::Sha3_384 => "SHA3-384",
            Algorithm::Sha3_512 => "SHA3-512",
            Algorithm::Blake2b => "BLAKE2b",
            Algorithm::Blake2s => "BLAKE2s",
            Algorithm::Blake3 => "BLAKE3",
        }
    }

    /// Bytes of a digest.
    #[must_use]
    pub fn digest_bytes(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha224 | Algorithm::Sha3_224 => 28,
            Algorithm::Sha256
            | Algorithm::Sha512_256
            | Algorithm::Sha3_256
            | Algorithm::Blake2s
            | Algorithm::Blake3 => 32,
            Algorithm::Sha384 | Algorithm::Sha3_384 => 48,
            Algorithm::Sha512 | Algorithm::Sha3_512 | Algorithm::Blake2b => 64,
        }
    }

    /// The approximate cost of a byte when hashed alone, in hundredths of a cycle, for balancing groups.
    /// Measured on Zen 4; only the proportions matter.
    pub(crate) fn cost(self) -> u32 {
        match self {
            Algorithm::Md5 => 455,
            Algorithm::Sha1 => 190,
            Algorithm::Sha224 | Algorithm::Sha256 => 203,
            Algorithm::Sha384 | Algorithm::Sha512 | Algorithm::Sha512_256 => 480,
            Algorithm::Sha3_224 => 850,
            Algorithm::Sha3_256 => 900,
            Algorithm::Sha3_384 => 1_170,
            Algorithm::Sha3_512 => 1_730,
            Algorithm::Blake2b => 305,
            Algorithm::Blake2s => 545,
            Algorithm::Blake3 => 56,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
