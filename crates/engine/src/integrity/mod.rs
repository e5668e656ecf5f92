//! Whether data is what an image service says it is.

pub(crate) mod against_source;
pub(crate) mod compare;
