//! Where the bytes of an image go.

mod null;

pub use null::drain;
