//! Parsing of algorithms and digests.

use std::str::FromStr;

use crate::{Algorithm, Digest, Error};

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |text: &str| {
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
        };
        let wanted = plain(text);
        // `sha3-256` and `sha-3-256` differ from `sha256` by more than dashes, so ignoring dashes is
        // unambiguous.
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| plain(algorithm.name()) == wanted)
            .ok_or_else(|| Error::UnknownAlgorithm(text.to_owned()))
    }
}

/// Parses `sha256:HEX` or `sha256=HEX`, with any name that [`Algorithm`] accepts; without a name it is the
/// usual algorithm with this length.
impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some((algorithm, hex)) = text.split_once([':', '=']) {
            return Digest::from_hex(algorithm.trim().parse()?, hex.trim());
        }
        let hex = text.trim();
        let algorithm = Algorithm::usual(hex.len()).ok_or(Error::UnknownLength(hex.len()))?;
        Digest::from_hex(algorithm, hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_usual_spellings_are_accepted() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        }
        for (text, algorithm) in [
            ("SHA-256", Algorithm::Sha256),
            ("SHA3-512", Algorithm::Sha3_512),
            ("sha512-256", Algorithm::Sha512_256),
            ("SHA512/256", Algorithm::Sha512_256),
            ("MD5", Algorithm::Md5),
        ] {
            assert_eq!(text.parse(), Ok(algorithm), "{text}");
        }
        assert_eq!("sm3".parse::<Algorithm>(), Err(Error::UnknownAlgorithm("sm3".into())));
    }

    #[test]
    fn a_digest_is_named_by_its_algorithm_or_by_its_length() {
        let sha256 = "ab".repeat(32);
        let digest = Digest::from_hex(Algorithm::Sha256, &sha256).unwrap();
        for text in [
            format!("sha256:{sha256}"),
            format!("SHA-256={}", sha256.to_uppercase()),
            format!("Sha256: {sha256} "),
            sha256.clone(),
        ] {
            assert_eq!(text.parse(), Ok(digest), "{text}");
        }
        let other = format!("SHA512/256:{sha256}").parse::<Digest>().unwrap();
        assert_eq!(other.algorithm(), Algorithm::Sha512_256);
        for (text, error) in [
            ("sha999:ab", Error::UnknownAlgorithm("sha999".into())),
            ("md5:ab", Error::NotADigest(Algorithm::Md5)),
            (&"g".repeat(32), Error::NotADigest(Algorithm::Md5)),
            ("abc", Error::UnknownLength(3)),
            ("", Error::UnknownLength(0)),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        }
    }
}
