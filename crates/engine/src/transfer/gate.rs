//! The last word on a branch: may it have the end of the data?

use imgpush_source::Chunk;

/// Sees all bytes of a pass, and decides whether a branch gets the last chunk.
///
/// A service never activates an image whose data ends early, so the last chunk is what a gate can withhold
/// until everything was seen. Why it did is known to whoever made the gate.
pub(crate) trait TailGate: Send {
    /// Sees the next bytes.
    fn see(&mut self, chunk: &Chunk);

    /// Whether the branch gets the last chunk; asked once, after all bytes.
    fn opens(&mut self) -> bool;
}
