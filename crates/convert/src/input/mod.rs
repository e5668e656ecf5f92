//! The bytes of the image, at any offset or in one pass.

mod access;
mod forward;
mod held;
mod random;

pub(crate) use access::{Input, Reuse};
pub(crate) use forward::Forward;
pub(crate) use random::Random;
