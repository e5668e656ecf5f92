//! Where the bytes of an image go.

mod null;

pub use null::drain;
pub(crate) use null::drain_telling;
