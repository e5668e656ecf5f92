//! The data path: a source is read once, hashed, and sent to any number of branches.
//!
//! `push` uses [`passes`] and [`upload`]; callers of the crate use [`sink`].

pub(crate) mod branch;
mod error;
pub(crate) mod gate;
mod lent;
pub(crate) mod pass;
pub(crate) mod passes;
pub mod sink;
pub(crate) mod tap;
pub(crate) mod traffic;
pub(crate) mod upload;

pub use error::TransferError;
pub use pass::Slowest;
