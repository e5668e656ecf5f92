//! A value that two passes over the same clusters have in common.

/// A value that depends on every stored byte and its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Adds a cluster: its number in the disk, and the CRC-32 of its stored bytes. Mixes as FxHash does.
    pub(super) fn add(&mut self, index: u64, checksum: u32) {
        let sum = u64::from(checksum) ^ index.rotate_left(32);
        let mixed = self.0.rotate_left(5) ^ sum;
        self.0 = mixed.wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}
