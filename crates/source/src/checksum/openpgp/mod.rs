//! OpenPGP signatures (RFC 9580) of lists of checksums.

mod certificate;
mod keys;

pub use keys::Keys;
