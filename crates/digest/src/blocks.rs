//! Complete blocks, and the states that they are added to.

/// The unit of the kernels: one block of SHA-512, two of MD5 and SHA-256.
pub(crate) type Block = [u8; BLOCK_BYTES];

pub(crate) const BLOCK_BYTES: usize = 128;

/// The states that blocks are added to, at most one of each type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct States {
    pub(crate) md5: Option<[u32; 4]>,
    /// SHA-384, SHA-512 or SHA-512/256, which differ in their initial values and their length.
    pub(crate) sha512: Option<[u64; 8]>,
    /// SHA-224 or SHA-256.
    pub(crate) sha256: Option<[u32; 8]>,
}
