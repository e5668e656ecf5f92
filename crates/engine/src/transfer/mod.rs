//! A source on its way: read once, hashed, and sent to as many branches as there are.

pub(crate) mod branch;
mod error;
pub(crate) mod gate;
pub(crate) mod pass;
pub(crate) mod passes;
pub mod sink;
pub(crate) mod traffic;
pub(crate) mod upload;

pub use error::TransferError;
pub use pass::Slowest;
