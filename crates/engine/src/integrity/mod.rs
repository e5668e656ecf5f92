//! Verification of data against the fields of an image: `size`, `os_hash_value`, `checksum`.
//!
//! `push` and `pull` use it. No other module decides whether an image is verified.

pub(crate) mod against_source;
pub(crate) mod compare;
mod error;
pub(crate) mod produced;
mod verified_by;

pub use error::IntegrityError;
pub use produced::Produced;
pub use verified_by::VerifiedBy;
