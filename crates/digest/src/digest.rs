//! Digests, the results of hashing.

use std::fmt;

use crate::{Algorithm, Error};

/// The maximum length of a digest.
const MAX_BYTES: usize = 64;

/// A digest and its algorithm. `Display` shows lower-case hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Digest {
    algorithm: Algorithm,
    /// Zero after the length of the digest.
    bytes: [u8; MAX_BYTES],
}

impl Digest {
    /// A digest from `bytes`, which have the length of the algorithm's digests.
    pub(crate) fn new(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut all = [0; MAX_BYTES];
        all[..algorithm.digest_bytes()].copy_from_slice(bytes);
        Digest { algorithm, bytes: all }
    }

    /// Parses hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`Error::NotADigest`] for another number of digits, or other characters.
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Result<Self, Error> {
        let mut digest = Digest { algorithm, bytes: [0; MAX_BYTES] };
        let text = text.as_bytes();
        if text.len() != 2 * algorithm.digest_bytes() {
            return Err(Error::NotADigest(algorithm));
        }
        for (byte, pair) in digest.bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit =
                |at: usize| char::from(pair[at]).to_digit(16).ok_or(Error::NotADigest(algorithm));
            *byte = u8::try_from(digit(0)? << 4 | digit(1)?).expect("two digits make a byte");
        }
        Ok(digest)
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.digest_bytes()]
    }
}

/// Compares in constant time, so that the time does not show the position of a difference.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        let difference = self.bytes.iter().zip(&other.bytes).fold(0, |all, (a, b)| all | (a ^ b));
        self.algorithm == other.algorithm && std::hint::black_box(difference) == 0
    }
}

impl Eq for Digest {}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.algorithm)
    }
}

/// The digests of one stream; empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests(pub(crate) Vec<Digest>);

impl Digests {
    /// The digests for the algorithms of `order`, in that order.
    pub(crate) fn in_order(order: &[Algorithm], digests: &[Digest]) -> Self {
        let of = |algorithm: &Algorithm| digests.iter().find(|d| d.algorithm == *algorithm);
        Digests(order.iter().filter_map(of).copied().collect())
    }

    /// The digest by this algorithm, if it was requested.
    #[must_use]
    pub fn get(&self, algorithm: Algorithm) -> Option<&Digest> {
        self.0.iter().find(|digest| digest.algorithm == algorithm)
    }

    /// All digests, in the order in which they were requested.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_round_trips_and_other_text_is_refused() {
        let text = "900150983CD24fb0d6963f7d28e17f72";
        let digest = Digest::from_hex(Algorithm::Md5, text).unwrap();
        assert_eq!(digest.to_string(), text.to_lowercase());
        assert_eq!(digest.as_bytes()[..2], [0x90, 0x01]);
        for wrong in ["", "90", &text[1..], &format!("{text}0"), &text.replace('9', "g"), "é"] {
            assert_eq!(
                Digest::from_hex(Algorithm::Md5, wrong),
                Err(Error::NotADigest(Algorithm::Md5)),
                "{wrong}"
            );
        }
    }

    #[test]
    fn digests_differ_by_bytes_and_by_algorithm() {
        let digest = |algorithm, text: &str| Digest::from_hex(algorithm, text).unwrap();
        let (a, b) = ("00".repeat(32), format!("{}01", "00".repeat(31)));
        assert_eq!(digest(Algorithm::Sha256, &a), digest(Algorithm::Sha256, &a));
        assert_ne!(digest(Algorithm::Sha256, &a), digest(Algorithm::Sha256, &b));
        assert_ne!(digest(Algorithm::Sha256, &a), digest(Algorithm::Sha3_256, &a));
    }
}
