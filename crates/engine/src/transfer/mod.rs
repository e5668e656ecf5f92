//! A source on its way: read once, hashed, and sent to as many branches as there are.

pub(crate) mod pass;
pub(crate) mod passes;
pub mod sink;
pub(crate) mod upload;
