//! The hashes in a record, computed by plain library crates.

use digest::{Digest as _, DynDigest};

/// MD5 and the secure hash of one image.
pub(crate) struct Hashes {
    md5: md5::Md5,
    secure: Option<Box<dyn DynDigest + Send>>,
}

impl Hashes {
    /// `name` is in the spelling of `hashlib`. An unsupported name yields no value.
    pub(crate) fn new(name: &str) -> Self {
        let secure: Option<Box<dyn DynDigest + Send>> = match name {
            "md5" => Some(Box::new(md5::Md5::new())),
            "sha1" => Some(Box::new(sha1::Sha1::new())),
            "sha256" => Some(Box::new(sha2::Sha256::new())),
            "sha384" => Some(Box::new(sha2::Sha384::new())),
            "sha512" => Some(Box::new(sha2::Sha512::new())),
            "sha3_256" => Some(Box::new(sha3::Sha3_256::new())),
            "sha3_512" => Some(Box::new(sha3::Sha3_512::new())),
            "blake2b" => Some(Box::new(blake2::Blake2b512::new())),
            _ => None,
        };
        Hashes { md5: md5::Md5::new(), secure }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        digest::Digest::update(&mut self.md5, bytes);
        if let Some(secure) = &mut self.secure {
            secure.update(bytes);
        }
    }

    /// Returns `checksum` and `os_hash_value`.
    pub(crate) fn finish(self) -> (String, String) {
        let secure = self.secure.map_or_else(|| vec![0; 32].into(), DynDigest::finalize);
        (hex(&digest::Digest::finalize(self.md5)), hex(&secure))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
