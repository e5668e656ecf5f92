//! The gate of a branch: a check that has to pass before the last chunk is sent.
//!
//! `push::format_check` implements it; [`pass`](super::pass) calls it.

use imgpush_source::Chunk;

/// Inspects all bytes of a pass, and decides whether a branch gets the last chunk.
///
/// A service never activates an image whose data is incomplete. So a gate can withhold the last chunk until
/// all bytes are inspected. The owner of the gate knows why it stays closed.
pub(crate) trait TailGate: Send {
    /// Inspects the next bytes.
    fn see(&mut self, chunk: &Chunk);

    /// Returns whether the branch gets the last chunk; called once, after all bytes.
    fn opens(&mut self) -> bool;
}
